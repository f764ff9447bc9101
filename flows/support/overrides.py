"""Parameters set for one run (`train.epochs=2`): read from text, written into params.yaml, comments kept."""

from pathlib import Path
from typing import Any

import typer
import yaml

from cxr.core.files import write_text
from cxr.params.document import parsed, written
from cxr.params.load import ParamsError, content
from cxr.params.suggestions import suggestion

OPTION = typer.Option(
    "--set",
    help="a parameter for this run, for example train.epochs=2; may be given again",
    metavar="SECTION.KEY=VALUE",
)


class OverrideError(Exception):
    """An override that can't be meant; the message names it and what would fit."""


def parse(texts: list[str]) -> dict[str, Any]:
    """`section.key=value` texts to a mapping; values are read as YAML. OverrideError where there is no `=`."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise OverrideError(f"--set {text}: write it as section.key=value, for example train.epochs=2")
        try:
            found[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise OverrideError(f"--set {text}: the value is not YAML") from None
    return found


def check(path: Path, overrides: dict[str, Any]) -> None:
    """OverrideError where a params.yaml has no such key."""
    tree = _content(path)
    for key, value in overrides.items():
        _set(tree, key, value)


def apply(path: Path, overrides: dict[str, Any]) -> list[str]:
    """Write overrides into a params.yaml; a line for each value that changed. OverrideError for an unknown key."""
    _content(path)
    tree = parsed(path.read_text())
    changes = [change for key, value in overrides.items() if (change := _set(tree, key, value))]
    if changes:
        write_text(path, written(tree))
    return changes


def _content(path: Path) -> Any:
    """What a params.yaml holds; OverrideError says in a line why it can't be read."""
    try:
        return content(path)
    except ParamsError as error:
        raise OverrideError(str(error)) from None


def _set(tree: Any, key: str, value: Any) -> str | None:
    *sections, last = key.split(".")
    for section in sections:
        tree = _within(tree, section, key)[section]
    old = _within(tree, last, key)[last]
    if old == value and type(old) is type(value):
        return None
    tree[last] = value
    return f"params.yaml: {key} {old} -> {value}"


def _within(tree: Any, part: str, key: str) -> Any:
    if isinstance(tree, dict) and part in tree:
        return tree
    hint = suggestion(part, tree if isinstance(tree, dict) else ())
    raise OverrideError(f"--set {key}: params.yaml has no `{part}` there; {hint}")
