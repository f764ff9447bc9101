"""`python -m cxr.params.preset NAME`: write presets/NAME.yaml over params.yaml, after checking it."""
import difflib
import sys
from pathlib import Path

from cxr.core.files import write_text
from cxr.params import ParamsError, load

PRESETS = Path("presets")


def main(name: str) -> int:
    """0, or 1 and a line where there is no such preset or it does not fit the schema."""
    names = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        print(f"preset '{name}' is not there: {hint}known: {', '.join(names)}", file=sys.stderr)
        return 1
    try:
        load(PRESETS / f"{name}.yaml")
    except ParamsError as error:
        print(error, file=sys.stderr)
        return 1
    write_text(Path("params.yaml"), (PRESETS / f"{name}.yaml").read_text())
    print(f"params.yaml is now the preset '{name}'")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
