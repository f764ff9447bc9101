"""Reads params.yaml and refuses what the schema does not know, with the nearest right name."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from cxr.params.schema import Params
from cxr.params.suggestions import suggestion

_MERGE = "tag:yaml.org,2002:merge"
_SHOWN = 100  # characters of a value that does not fit


class ParamsError(Exception):
    """params.yaml does not fit the schema; the message has one line for each fault."""


class _PlainMappings(yaml.SafeLoader):
    """A safe loader that refuses a key given twice (plain YAML lets the second win in silence) and a merge key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build the mapping; ParamsError names the key that is repeated or merges, and its line."""
        seen: set[Hashable] = set()
        for key, _ in node.value:
            place = f"{self.name} line {key.start_mark.line + 1}"
            if key.tag == _MERGE:
                raise ParamsError(f"{place}: merge key '<<': write the keys out, so that each stands in its place")
            name = self.construct_object(key)
            if not isinstance(name, Hashable):
                continue  # super() refuses it
            if name in seen:
                raise ParamsError(f"{place}: key '{name}' is given twice")
            seen.add(name)
        return super().construct_mapping(node, deep)


def load(path: Path = Path("params.yaml")) -> Params:
    """Read and check the parameters; ParamsError where the file is missing, is not YAML or does not fit."""
    return check(content(path), path)


def content(path: Path) -> Any:
    """What the YAML file holds, not checked against the schema.

    ParamsError, one line, where it is missing, not UTF-8 (DVC reads nothing else), not YAML, nested beyond reason, has
    a key twice, a merge key or an alias.
    """
    try:
        text = text_of(path)
        refuse_aliases(text, path)
        loader = _PlainMappings(text)
        loader.name = str(path)
        return loader.get_single_data()
    except yaml.YAMLError as error:
        raise ParamsError(f"{path}: not YAML: {_one_line(error)}") from error
    except ValueError as error:
        raise ParamsError(f"{path}: not YAML: {error}") from error
    except RecursionError:
        raise ParamsError(f"{path}: not YAML of ours: nested too deeply") from None


def text_of(path: Path) -> str:
    """The file's text, lines ended by a newline alone; ParamsError where it can't be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ParamsError(f"{path}: cannot be read ({error.strerror}); run from the project's top folder") from error
    except UnicodeDecodeError as error:
        raise ParamsError(f"{path}: not UTF-8 text: {error}; save it as UTF-8") from error


def refuse_aliases(text: str, path: Path) -> None:
    """ParamsError at the first alias: a value that stands elsewhere can be neither replaced nor copied in place."""
    for token in yaml.scan(text, yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise ParamsError(f"{path} line {token.start_mark.line + 1}: alias '*{token.value}': write the value out")


def _one_line(error: yaml.YAMLError) -> str:
    """What a YAML parser has to say, in one line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    problem = str(getattr(error, "problem", None) or getattr(error, "context", None))
    hint = "; indent with spaces, not with tabs" if "\\t" in problem else ""
    return f"line {mark.line + 1}: {problem}{hint}"


def check(given: Any, path: Path = Path("params.yaml")) -> Params:
    """Parameters from a mapping of sections; ParamsError lists every fault, a line each."""
    try:
        params = Params.model_validate(given)
    except ValidationError as error:
        lines = [_explain(fault, path) for fault in error.errors()]
        raise ParamsError("\n".join(lines)) from error
    if missing := _missing(params, ""):
        lines = [
            f"{path}: key '{name}' is missing (its default: {value!r}): every key stands in the file, so that its hash "
            "says all"
            for name, value in missing
        ]
        raise ParamsError("\n".join([*lines, f"{path}: `cxr preset upgrade` adds what is missing"]))
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
        value = "" if fault["type"] == "missing" or whole else f" (got {_short(fault['input'])})"
        return f"{path}: {place}: {fault['msg'].removeprefix('Value error, ')}{value}"
    return f"{path}: unknown key '{place}': {suggestion(fault['loc'][-1], _names_at(fault['loc'][:-1]))}"


def _short(value: object) -> str:
    """A value as it would be spelt in Python, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


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
