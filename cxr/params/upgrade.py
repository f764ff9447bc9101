"""Brings an older params.yaml up to date: the keys that it lacks come in with the default's values and comments.

New lines are put between those that are there, which stay as they are to the byte. Values are never changed.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from cxr.core.files import atomic_file
from cxr.params.document import checked_text
from cxr.params.load import ParamsError
from cxr.params.suggestions import suggestion


@dataclass(frozen=True)
class Upgrade:
    """Dotted names of the keys that came in, and a line for each that the default does not know or has otherwise."""

    added: list[str]
    strange: list[str]


@dataclass(frozen=True)
class _Insertion:
    """A key that is lacking: its dotted name, the text, and the index that the text is to have."""

    name: str
    text: str
    index: int


def upgrade(params: Path, default: Path) -> Upgrade:
    """Add to a params.yaml what it lacks of the default; ParamsError where either is no mapping of sections."""
    whole, own, windows = _text(default), _text(params), b"\r\n" in params.read_bytes()
    theirs, ours = _root(own), _root(whole)
    insertions = list(_lacking(theirs, ours, own, whole))
    if insertions:
        made = _inserted(own, insertions)
        _demand_whole(made, ours, whole, params)
        with atomic_file(params) as stream:
            stream.write((made.replace("\n", "\r\n") if windows else made).encode())
    return Upgrade([one.name for one in insertions], [f"{params}: {line}" for line in _strange(theirs, ours)])


def _text(path: Path) -> str:
    """The file's text, once it is known to be a mapping of sections; its last line is ended."""
    text = checked_text(path)
    return text if text.endswith("\n") else text + "\n"


def _root(text: str) -> yaml.MappingNode:
    root = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101  (seen to by `checked_text`)
    return root


def _demand_whole(made: str, default: yaml.MappingNode, whole: str, path: Path) -> None:
    """ParamsError where a file is laid out so oddly that what came in stands in another place than it should."""
    try:
        left = list(_lacking(_root(made), default, made, whole))
    except yaml.YAMLError:
        left = [_Insertion("?", "", 0)]
    if left:
        raise ParamsError(
            f"{path}: its layout leaves no place for the keys that it lacks; write it as "
            "presets/default.yaml is, `NAME: VALUE` a line, and try again"
        )


def _inserted(text: str, insertions: list[_Insertion]) -> str:
    """The text with all insertions; of those at one index the deeper come first, else the order is as given."""
    parts, end = list[str](), 0
    for one in sorted(insertions, key=lambda insertion: (insertion.index, -insertion.name.count("."))):
        parts += [text[end : one.index], one.text]
        end = one.index
    return "".join([*parts, text[end:]])


def _lacking(
    own: yaml.MappingNode, default: yaml.MappingNode, text: str, whole: str, place: str = ""
) -> Iterator[_Insertion]:
    """An insertion for each key of the default's that `own` lacks, behind the key before it in the default."""
    there = {key.value: (key, value) for key, value in own.value}
    before = own.value[-1] if own.value else None
    for key, value in default.value:
        if key.value not in there:
            gap = "" if before is None and key is default.value[0][0] else ", "
            yield _insertion(own, before, (key, value), (text, whole), (place, gap))
            continue
        before = there[key.value]
        if isinstance(value, yaml.MappingNode) and isinstance(before[1], yaml.MappingNode):
            yield from _lacking(before[1], value, text, whole, f"{place}{key.value}.")


def _insertion(
    own: yaml.MappingNode,
    before: tuple[yaml.Node, yaml.Node] | None,
    pair: tuple[yaml.Node, yaml.Node],
    texts: tuple[str, str],
    around: tuple[str, str],
) -> _Insertion:
    """What puts the default's pair of key and value behind the pair `before` of `own`, in own's style."""
    (text, whole), (place, gap) = texts, around
    name = f"{place}{pair[0].value}"
    if before is None:  # {}
        return _Insertion(name, f"{gap}{_on_one_line(pair, whole)}", own.start_mark.index + 1)
    if own.flow_style:
        return _Insertion(name, f"{gap}{_on_one_line(pair, whole)}", before[1].end_mark.index)
    column = before[0].start_mark.column
    blank = "\n" if not place and "\n\n" in text else ""
    return _Insertion(name, blank + textwrap.indent(_lines(pair, whole), " " * column), _end(before, text))


def _lines(pair: tuple[yaml.Node, yaml.Node], text: str) -> str:
    """The lines of a pair with their comments, the key at the margin."""
    start = pair[0].start_mark
    return textwrap.dedent(text[start.index - start.column : _end(pair, text)])


def _end(pair: tuple[yaml.Node, yaml.Node], text: str) -> int:
    """The index of the line below a pair in block style and the comments that belong to it: those further in."""
    leaf = pair[1]
    while isinstance(leaf, yaml.CollectionNode) and not leaf.flow_style and leaf.value:
        leaf = leaf.value[-1][1] if isinstance(leaf, yaml.MappingNode) else leaf.value[-1]
    index = leaf.end_mark.index
    end = index if text[:index].endswith("\n") else text.index("\n", index) + 1  # a block scalar ends with its line
    for line in text[end:].splitlines(keepends=True):
        inner = line.lstrip(" ")
        if not inner.startswith("#") or len(line) - len(inner) <= pair[0].start_mark.column:
            break
        end += len(line)
    return end


def _on_one_line(pair: tuple[yaml.Node, yaml.Node], text: str) -> str:
    """A pair in flow style, every value spelt as it is in the text."""
    key, value = pair
    return f"{key.value}: {_flow(value, text)}"


def _flow(node: yaml.Node, text: str) -> str:
    """A value in flow style."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return f"{{{', '.join(_on_one_line(pair, text) for pair in node.value)}}}"
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return f"[{', '.join(_flow(part, text) for part in node.value)}]"
    return text[node.start_mark.index : node.end_mark.index]


def _strange(own: yaml.MappingNode, default: yaml.MappingNode, place: str = "") -> Iterator[str]:
    """A line for each key that the default does not know, or that is no mapping there or here alone."""
    known = {key.value: value for key, value in default.value}
    for key, value in own.value:
        name, theirs = f"{place}{key.value}", known.get(key.value)
        if theirs is None:
            yield f"unknown key '{name}' is left alone: {suggestion(key.value, known)}"
        elif isinstance(theirs, yaml.MappingNode) != isinstance(value, yaml.MappingNode):
            kinds = ["one value", "a mapping of keys"]
            yield f"'{name}' is left alone: it is to be {kinds[isinstance(theirs, yaml.MappingNode)]}"
        elif isinstance(theirs, yaml.MappingNode) and theirs.value:
            yield from _strange(value, theirs, f"{name}.")
