"""A YAML file as a person wrote it: read with its comments, order and spelling, and written back with them.

What the values mean is for cxr.params.load; here they keep the way they are spelt (`2.0e-3` stays that).
"""

import io
import itertools
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import FoldedScalarString, LiteralScalarString

from cxr.params.load import ParamsError, content, text_of

_WIDTH = 4096  # no list is broken: what ruamel.yaml breaks, it leaves with spaces at the line's end


class _Nulls(RoundTripRepresenter):
    """Writes null as the word; ruamel.yaml leaves the place empty, which reads like a value that was forgotten."""


_Nulls.add_representer(type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null"))


def sections(path: Path) -> CommentedMap:
    """The file's mapping of sections with its comments; ParamsError as for `checked_text`."""
    return parsed(checked_text(path))


def checked_text(path: Path) -> str:
    """The text of a file that holds a mapping of sections.

    ParamsError where it cannot be read, is not YAML, repeats a key, has an alias or is no mapping of sections.
    """
    values = content(path)
    if not isinstance(values, dict) or not values:
        raise ParamsError(f"{path}: no sections in it: `NAME: {{KEY: VALUE}}` is wanted, as in presets/default.yaml")
    return text_of(path)


def parsed(text: str) -> CommentedMap:
    """The mapping with its comments; nothing in the text is run or made into an object."""
    found: CommentedMap = _round_trip().load(text)
    return found


def written(document: CommentedMap) -> str:
    """The document as YAML, every value spelt as it was read."""
    stream = io.StringIO()
    _round_trip().dump(document, stream)
    return stream.getvalue()


def header(text: str) -> str:
    """The comment lines on top of a text."""
    lines = text.splitlines(keepends=True)
    return "".join(itertools.takewhile(lambda line: line.startswith("#"), lines))


def on_one_line(value: object) -> object:
    """A value in flow style, without comments of its own, so that it can take another's place in front of a comment."""
    if isinstance(value, dict):
        mapping = CommentedMap((key, on_one_line(part)) for key, part in value.items())
        mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        row = CommentedSeq(on_one_line(part) for part in value)
        row.fa.set_flow_style()
        return row
    return str(value) if isinstance(value, LiteralScalarString | FoldedScalarString) else value


def _round_trip() -> YAML:
    """The parser and writer that keep comments, quotes and numbers as they are spelt."""
    made = YAML(typ="rt", pure=True)
    made.preserve_quotes, made.width = True, _WIDTH
    made.indent(mapping=2, sequence=4, offset=2)
    made.Representer = _Nulls
    return made
