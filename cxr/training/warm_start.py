"""Where training starts: a model folder's weights (warm start), or none (`models/scratch.json`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr.core.errors import UserError
from cxr.model import model_folder

SCRATCH = ".json"


@dataclass(frozen=True)
class Initial:
    """First weights and the identity of the model folder that they come from."""

    identity: str
    weights: list[np.ndarray]


def initial(path: str, spec: dict[str, Any], labels: list[str]) -> Initial | None:
    """The weights that `train.initial` names; None for models/scratch.json (random weights).

    UserError where the folder is missing, its card can't be read, or its net or labels are others; HashMismatch where
    its bytes are.
    """
    folder = Path(path)
    if folder.suffix == SCRATCH:
        return None
    if not folder.is_dir():
        raise UserError(
            f"params.yaml: train.initial: {path} is not there; `dvc pull {path}` gets it, "
            "train.initial: models/scratch.json starts without"
        )
    card, has = model_folder.read_card(folder), model_folder.read_spec(folder)
    if card.labels != labels:
        raise UserError(
            f"{folder}: its labels {card.labels} are not the manifest's {labels}: it can't be trained "
            "on; set train.initial: models/scratch.json"
        )
    if has != spec:
        differing = sorted(name for name in spec.keys() | has.keys() if spec.get(name) != has.get(name))
        raise UserError(
            f"{folder}: its net is another one than train and preprocess ask for (differing: "
            f"{', '.join(differing)}); set them alike, or train.initial: models/scratch.json"
        )
    return Initial(model_folder.identity(folder), model_folder.read_weights(folder))
