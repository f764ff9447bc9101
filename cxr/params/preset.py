"""`python -m cxr.params.preset NAME`: write presets/NAME.yaml over params.yaml, after checking it.

A preset may leave out a whole section whose defaults suit it; in params.yaml every section is written out.
"""
import sys
from pathlib import Path

import yaml
from pydantic_core import PydanticUndefinedType

from cxr.core.files import write_text
from cxr.params import ParamsError
from cxr.params.load import check
from cxr.params.schema import Params
from cxr.params.suggestions import suggestion

PRESETS = Path("presets")


def text(preset: Path) -> str:
    """The preset as it is written to params.yaml: its own text, then the sections it leaves out, with their defaults.
    """
    own = preset.read_text()
    given = yaml.safe_load(own)
    defaults = {field.alias or name: field.default for name, field in Params.model_fields.items()}
    missing = {name: default.model_dump(mode="json") for name, default in defaults.items()
               if name not in given and not isinstance(default, PydanticUndefinedType)}
    return own + (yaml.safe_dump(missing, sort_keys=False) if missing else "")


def main(name: str) -> int:
    """0, or 1 and a line where there is no such preset or it does not fit the schema."""
    names = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    if name not in names:
        print(f"preset '{name}' is not there: {suggestion(name, names)}", file=sys.stderr)
        return 1
    path = PRESETS / f"{name}.yaml"
    try:
        content = text(path)
        check(yaml.safe_load(content), path)
    except ParamsError as error:
        print(error, file=sys.stderr)
        return 1
    write_text(Path("params.yaml"), content)
    print(f"params.yaml is now the preset '{name}'")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
