"""Presets: which there are, one as params.yaml, one made of it. `cxr preset` is the command.

presets/default.yaml is whole; every other preset says what it has other than that. params.yaml is always whole.
"""

import re
from pathlib import Path

import yaml

from cxr.core.files import write_text
from cxr.params.document import header, sections, written
from cxr.params.load import ParamsError, check, load, text_of
from cxr.params.overlay import difference, lay_over
from cxr.params.schema import Params
from cxr.params.suggestions import suggestion

PRESETS, PARAMS, DEFAULT = Path("presets"), Path("params.yaml"), "default"
FORMER = {"phantom": DEFAULT}  # names that are answered for one release
_WORDS = ("list", "use", "new", "upgrade")
_HEADER = """# {name}: what it is.
# Source: where its images come from. Hardware: where it was measured. Minutes and score: not measured.
# Command: make preset NAME={name} && make repro
"""


def names(folder: Path = PRESETS) -> list[str]:
    """The presets that there are, the default first."""
    found = sorted(path.stem for path in folder.glob("*.yaml"))
    return sorted(found, key=lambda name: name != DEFAULT)


def text(preset: Path) -> str:
    """The whole params.yaml that a preset stands for: the default beside it, with the preset's header and values.

    ParamsError where either file is no mapping of sections, or has what the schema does not know.
    """
    whole, made = sections(preset.with_name(f"{DEFAULT}.yaml")), text_of(preset)
    if preset.stem != DEFAULT:
        whole.ca.comment = None  # the default's header
        lay_over(whole, sections(preset))
        made = header(made) + written(whole)
    check(yaml.safe_load(made), preset)
    return made


def params(preset: Path) -> Params:
    """The parameters of a preset; ParamsError as for `text`."""
    return check(yaml.safe_load(text(preset)), preset)


def use(name: str, folder: Path = Path()) -> Path | None:
    """Write a preset over the project's params.yaml; where someone's own params.yaml was kept, or None.

    ParamsError where there is no such preset or it does not fit; params.yaml is then as it was.
    """
    made = text(_path(name, folder))
    target = folder / PARAMS
    kept = _keep(target) if _is_own(target) else None
    write_text(target, made)
    return kept


def new(name: str, folder: Path = Path()) -> Path:
    """Write presets/NAME.yaml with what the project's params.yaml has other than the default; its path.

    ParamsError where the name is taken or none, params.yaml does not fit, or there is no difference.
    """
    path = folder / PRESETS / f"{name}.yaml"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or name in {*_WORDS, *FORMER}:
        raise ParamsError(
            f"preset '{name}': a name is small letters, digits, - and _, and none of {', '.join([*_WORDS, *FORMER])}"
        )
    if path.exists():
        raise ParamsError(f"{path}: is there already; choose another name, or remove it first")
    load(folder / PARAMS)
    found = difference(sections(folder / PARAMS), sections(folder / PRESETS / f"{DEFAULT}.yaml"))
    if not found:
        raise ParamsError(f"{folder / PARAMS}: has the default's values; change some, then make a preset of it")
    write_text(path, _HEADER.format(name=name) + written(found))
    return path


def _path(name: str, folder: Path) -> Path:
    """The file of a preset by its name or former name; ParamsError with the nearest name where there is none."""
    known = names(folder / PRESETS)
    if FORMER.get(name, name) not in known:
        raise ParamsError(f"preset '{name}' is not there: {suggestion(name, known)}")
    return folder / PRESETS / f"{FORMER.get(name, name)}.yaml"


def _is_own(target: Path) -> bool:
    """Whether a file is there that no preset would have written: somebody's own work."""
    if not target.exists():
        return False
    there = target.read_bytes().replace(b"\r\n", b"\n")
    return not any(there == _written(path) for path in (target.parent / PRESETS).glob("*.yaml"))


def _written(preset: Path) -> bytes:
    """What a preset would write; nothing where it can't be read."""
    try:
        return text(preset).encode()
    except ParamsError:
        return b""


def _keep(target: Path) -> Path:
    """Put a file's content beside it, under a name that git does not track."""
    kept = target.with_name(f"{target.name}.before")
    kept.write_bytes(target.read_bytes())
    return kept
