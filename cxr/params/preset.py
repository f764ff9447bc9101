"""`python -m cxr.params.preset --help`: list the presets, use one as params.yaml, make one of it, bring it up to date.

presets/default.yaml is whole; every other preset says what it has other than that. params.yaml is always whole.
"""
import argparse
import re
import sys
from pathlib import Path

import yaml

from cxr.core.files import write_text
from cxr.params.document import header, sections, text_of, written
from cxr.params.load import ParamsError, check, load
from cxr.params.overlay import difference, lay_over
from cxr.params.schema import Params
from cxr.params.suggestions import suggestion
from cxr.params.upgrade import upgrade

PRESETS, PARAMS, DEFAULT = Path("presets"), Path("params.yaml"), "default"
FORMER = {"phantom": DEFAULT}  # names that are answered for one release
_WORDS = ("list", "use", "new", "upgrade")
_HEADER = """# {name}: what it is.
# Source: where its images come from. Hardware: where it was measured. Minutes and score: not measured.
# Command: make preset NAME={name} && make repro
"""
_HELP = {
    "list": "the names of the presets, a line each",
    "use": "write a preset over params.yaml, whole and with the default's comments",
    "new": "write presets/NAME.yaml with what params.yaml has other than the default; never over a file that is there",
    "upgrade": "add the keys that params.yaml lacks, with their defaults and comments, and change nothing else; keys "
               "that nobody knows are named and left alone (status 1)",
}
_MORE = """`python -m cxr.params.preset NAME` is short for `use NAME`.
Where params.yaml is no preset's result, someone changed it by hand: `use` then keeps it as params.yaml.before (and
replaces what an earlier `use` kept there). `new` makes a preset of it, for good."""


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
        raise ParamsError(f"preset '{name}': a name is small letters, digits, - and _, and none of "
                          f"{', '.join([*_WORDS, *FORMER])}")
    if path.exists():
        raise ParamsError(f"{path}: is there already; choose another name, or remove it first")
    load(folder / PARAMS)
    found = difference(sections(folder / PARAMS), sections(folder / PRESETS / f"{DEFAULT}.yaml"))
    if not found:
        raise ParamsError(f"{folder / PARAMS}: has the default's values; change some, then make a preset of it")
    write_text(path, _HEADER.format(name=name) + written(found))
    return path


def main(arguments: list[str]) -> int:
    """The exit status: 0; 1 and a line on standard error where something does not fit or is not there."""
    first = (arguments or [""])[0]
    short = first not in _WORDS and not first.startswith("-")
    asked = _parser().parse_args(["use", *(arguments or [""])] if short else arguments)
    try:
        return _answer(asked)
    except (ParamsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _answer(asked: argparse.Namespace) -> int:
    if asked.word == "use":
        return _use(asked.name)
    if asked.word == "upgrade":
        return _upgrade()
    print("\n".join(names()) if asked.word == "list" else f"{new(asked.name)}: say in its first lines what it is")
    return 0


def _use(name: str) -> int:
    """`use`, and what people are told about it."""
    if name in FORMER:
        print(f"preset '{name}' is now '{FORMER[name]}'; the former name goes with the next release", file=sys.stderr)
    if kept := use(name):
        print(f"params.yaml was no preset's: it is kept as {kept}", file=sys.stderr)
    print(f"params.yaml is now the preset '{FORMER.get(name, name)}'")
    return 0


def _upgrade() -> int:
    """`upgrade`, and what people are told about it."""
    found = upgrade(PARAMS, PRESETS / f"{DEFAULT}.yaml")
    for name in found.added:
        print(f"{PARAMS}: '{name}' is added with its default")
    if not found.added:
        print(f"{PARAMS}: no key is lacking")
    for line in found.strange:
        print(line, file=sys.stderr)
    return 1 if found.strange else 0


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


def _parser() -> argparse.ArgumentParser:
    """The words and what they do."""
    parser = argparse.ArgumentParser(prog="python -m cxr.params.preset", description=(__doc__ or "").split("\n", 2)[2],
                                     epilog=_MORE, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = parser.add_subparsers(dest="word", required=True)
    for word, line in _HELP.items():
        added = words.add_parser(word, help=line, description=line)
        if word in ("use", "new"):
            added.add_argument("name", metavar="NAME")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
