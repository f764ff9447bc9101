"""Reads params.yaml and refuses what the schema does not know, with the nearest right name."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from cxr.params.schema import Params
from cxr.params.suggestions import suggestion


class ParamsError(Exception):
    """params.yaml does not fit the schema; the message has one line for each fault."""


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key given twice (plain YAML lets the second win in silence)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build the mapping; ParamsError names the repeated key and its line."""
        seen: set[Hashable] = set()
        for key, _ in node.value:
            name = self.construct_object(key)
            if not isinstance(name, Hashable):
                continue  # super() refuses it
            if name in seen:
                raise ParamsError(f"{self.name} line {key.start_mark.line + 1}: key '{name}' is given twice")
            seen.add(name)
        return super().construct_mapping(node, deep)


def load(path: Path = Path("params.yaml")) -> Params:
    """Read and check the parameters; ParamsError where the file is missing, is not YAML or does not fit."""
    return check(content(path), path)


def content(path: Path) -> Any:
    """What the YAML file holds, not checked; ParamsError where it is missing, not YAML or has a key twice."""
    try:
        with path.open("rb") as stream:
            return yaml.load(stream, _UniqueKeys)  # noqa: S506  (a subclass of SafeLoader)
    except OSError as error:
        raise ParamsError(f"{path}: cannot be read ({error.strerror}); run from the project's top folder") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ParamsError(f"{path}: not YAML: {error}") from error
    except RecursionError:
        raise ParamsError(f"{path}: not YAML of ours: nested too deeply") from None


def check(given: Any, path: Path = Path("params.yaml")) -> Params:
    """Parameters from a mapping of sections; ParamsError lists every fault, a line each."""
    try:
        params = Params.model_validate(given)
    except ValidationError as error:
        lines = [_explain(fault, path) for fault in error.errors()]
        raise ParamsError("\n".join(lines)) from error
    missing = _missing(params, "")
    if missing:
        raise ParamsError(
            "\n".join(
                f"{path}: key '{name}' is missing (its default: {value!r}): every key stands in "
                "the file, so that a hash of it says all"
                for name, value in missing
            )
        )
    return params


def _missing(section: BaseModel, place: str) -> list[tuple[str, Any]]:
    """Dotted names and defaults of the keys that were not given."""
    found: list[tuple[str, Any]] = []
    for name, field in type(section).model_fields.items():
        value, shown = getattr(section, name), f"{place}{field.alias or name}"
        if name not in section.model_fields_set:
            found.append((shown, value.model_dump() if isinstance(value, BaseModel) else value))
        elif isinstance(value, BaseModel):
            found += _missing(value, f"{shown}.")
    return found


def _explain(fault: Any, path: Path) -> str:
    """One readable line for one fault that pydantic found."""
    place = ".".join(str(part) for part in fault["loc"]) or "the whole file"
    if fault["type"] == "literal_error":
        return _explain_word(fault, path)
    if fault["type"] != "extra_forbidden":
        whole = isinstance(fault["input"], dict)  # of a relation between keys: the message says which
        value = "" if fault["type"] == "missing" or whole else f" (got {fault['input']!r})"
        return f"{path}: {place}: {fault['msg'].removeprefix('Value error, ')}{value}"
    return f"{path}: unknown key '{place}': {suggestion(fault['loc'][-1], _names_at(fault['loc'][:-1]))}"


def _explain_word(fault: Any, path: Path) -> str:
    """One line for a word, or a mapping's key, that is none of those allowed."""
    *place, last = (str(part) for part in fault["loc"])
    known = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
    if last == "[key]":
        return f"{path}: unknown key '{'.'.join(place)}': {suggestion(fault['input'], known)}"
    return f"{path}: {'.'.join([*place, last])}: {fault['input']!r} is not known: {suggestion(fault['input'], known)}"


def _names_at(place: tuple[Any, ...]) -> list[str]:
    """Names that the schema knows in the section at `place`."""
    model: type[BaseModel] = Params
    for part in place:
        field = model.model_fields.get(str(part))
        if field is None:
            continue
        candidates = [field.annotation, *get_args(field.annotation)]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return list(model.model_fields)
