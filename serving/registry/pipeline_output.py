"""What a finished pipeline gives to production: the chosen variant's model folder and what must be known of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr.core.files import read_json
from cxr.data import manifest
from cxr.model import model_folder

CHOICE = Path("metrics/compress.json")


@dataclass(frozen=True)
class PipelineOutput:
    """`model`: folder of the chosen variant; `batches`: raw batches in its data; `explanation`: its pointing game."""

    variant: str
    model: Path
    batches: tuple[str, ...]
    explanation: dict[str, Any] | None


def pipeline_output_in(project: Path) -> PipelineOutput:
    """What the pipeline made in a folder. FileNotFoundError or ValueError names what is missing or does not fit."""
    variant, model = chosen_in(project)
    batches = manifest.read(project / "data" / "manifest.parquet").table["batch"]
    return PipelineOutput(variant, model, tuple(sorted(map(str, batches.unique()))), _explanation(project, model))


def chosen_in(project: Path) -> tuple[str, Path]:
    """Name and model folder of the variant that compress chose. FileNotFoundError where nothing was chosen yet."""
    choice = project / CHOICE
    if not choice.is_file():
        raise FileNotFoundError(f"{choice}: missing; `make repro` makes it, `dvc pull` gets it")
    variant = str(read_json(choice)["chosen"]["name"])
    return variant, model_folder.of_variant(variant, project / model_folder.MODELS)


def _explanation(project: Path, model: Path) -> dict[str, Any] | None:
    """Score and images of the pointing game, None where the set has no boxes or nothing was explained."""
    path = project / "metrics" / "explain.json"
    if not path.is_file():
        return None
    found = read_json(path)
    if found["model"]["identity"] != model_folder.identity(model):
        raise ValueError(f"{path}: explains another model than {model}; run `dvc repro explain`")
    game = found["pointing_game"]
    return {name: game[name] for name in ("score", "images", "hit_share")} if game["images"] else None
