"""Whether what a stage reads is there, and what makes it: asked where a stage is started by hand; DVC asks itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

_PIPELINES = (Path("data/raw/dvc.yaml"), Path("dvc.yaml"))
_CODE = ("cxr/", "stages/")


def missing(stage: str, folder: Path = Path()) -> list[str]:
    """A line for each input that is not there, with what makes it; none where dvc.yaml knows no such stage."""
    stages = _stages(folder)
    reads = [_filled(str(path), folder) for path in stages.get(stage, {}).get("deps", [])]
    absent = [path for path in reads if not path.startswith((*_CODE, "${")) and not (folder / path).exists()]
    makers = {path: name for name, entry in stages.items() for path in _outputs(entry)}
    return [f"{path} is not there: {_how(_maker(path, makers), path, folder)}" for path in absent]


def _maker(path: str, makers: dict[str, str]) -> str | None:
    """The stage whose output the path is, or lies in."""
    above = [path, *map(str, Path(path).parents)]
    return next((makers[output] for output in above if output in makers), None)


def _how(maker: str | None, path: str, folder: Path) -> str:
    if maker:
        return f"the stage {maker} makes it; `make repro` runs what is lacking"
    if (folder / f"{path}.dvc").exists():
        return f"`dvc pull {path}.dvc` fetches it"
    if path.startswith("data/raw/"):
        return f"`make add-batch SET={Path(path).name} FROM=folder` puts it there"
    return "get it from git again"


def _stages(folder: Path) -> dict[str, dict[str, Any]]:
    """Every stage's entry, paths as seen from the project's folder."""
    files = [folder / path for path in _PIPELINES if (folder / path).is_file()]
    return {name: entry for path in files for name, entry in yaml.safe_load(path.read_text())["stages"].items()}


def _outputs(entry: dict[str, Any]) -> Iterator[str]:
    for kind in ("outs", "metrics", "plots"):
        for output in entry.get(kind, []):
            yield str(next(iter(output)) if isinstance(output, dict) else output)


def _filled(path: str, folder: Path) -> str:
    """A path of dvc.yaml with its ${section.key} of params.yaml put in; the stage itself says what is wrong there."""

    def value(key: re.Match[str]) -> str:
        """What params.yaml has for it, the key itself where it has nothing."""
        try:
            return str(yaml.safe_load((folder / "params.yaml").read_text())[key[1]][key[2]])
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            return key[0]

    return re.sub(r"\$\{(\w+)\.(\w+)\}", value, path)
