"""The pointing game at the gate: both models explain the same boxed gate studies, old and new ones.

As the stage explain plays it on test images, where it is only reported. TensorFlow and shap are loaded only where a
gate study has a box. Not for overlays, nor for baselines.
"""

from pathlib import Path
from typing import Any

import numpy as np

from cxr.core.errors import UserError
from cxr.data.manifest import Manifest
from cxr.data.preprocessing_spec import Chain
from cxr.explanation import boxed_images, pointing_game
from cxr.explanation import boxes as boxing
from cxr.explanation.boxes import placed_boxes
from cxr.metrics.comparisons import Hits
from cxr.params import Params
from serving.gate.inputs import GateInputs, batches

MOST = 40  # studies, chosen by hash and spread over the labels: seconds, not minutes
Pair = tuple[str, str]  # image_id, label


def play(
    folders: dict[str, Path], chains: dict[str, Chain], inputs: GateInputs, project: Path, params: Params
) -> Hits | None:
    """Whether each side (`champion`, `challenger`) points into the boxes; None where no gate study has one."""
    boxed = {
        image: found for image, found in zip(inputs.gate.table["image_id"], inputs.gate.boxes(), strict=True) if found
    }
    pairs = boxed_images.boxed(boxed, inputs.gate.head.labels, MOST, params.retrain.gate.seed)
    if not pairs:
        return None
    rows = _rows(inputs.gate, [image for image, _ in pairs])
    ids = boxed_images.hash_order(list(inputs.train.table["image_id"]), params.retrain.gate.seed)
    background = _rows(inputs.train, ids[: params.explain.background])
    hits = {}
    for name, folder in folders.items():
        images, others = (np.concatenate(list(batches(chains[name], some, project))) for some in (rows, background))
        hits[name] = _hits(_explainer(folder, others, params), pairs, rows, images)
    return Hits(hits["champion"], hits["challenger"], tuple(map(str, rows.table["patient"])))


def _rows(table: Manifest, image_ids: list[str]) -> Manifest:
    """Rows of these images, in this order."""
    return Manifest(table.head, table.table.set_index("image_id", drop=False).loc[image_ids].reset_index(drop=True))


def _hits(explainer: Any, pairs: list[Pair], rows: Manifest, images: np.ndarray) -> np.ndarray:
    """One model's hits, bool (pairs,); `images` are the rows' by its own preprocessing."""
    labels, found = list(rows.head.labels), []
    placed = placed_boxes(rows, images.shape[1:3])
    for image, (image_id, label) in zip(images, pairs, strict=True):
        values = pointing_game.smooth(explainer.explain(image, labels.index(label)).values)
        found.append(boxing.mask(boxing.of_label(placed[image_id], label), values.shape)[pointing_game.peak(values)])
    return np.array(found, bool)


def _explainer(folder: Path, background: np.ndarray, params: Params) -> Any:
    try:  # here, not on top: a gate without boxes does not wait for TensorFlow, nor need it
        from cxr.explanation.attribution import Explainer
        from cxr.nets import factory, tf_session
    except ModuleNotFoundError as error:
        raise UserError(
            f"gate studies have boxes, and explaining them needs {error.name}, which this set-up lacks: "
            "run the gate on a machine of `make setup`"
        ) from error
    tf_session.start(params.machine, params.retrain.gate.seed)
    return Explainer(factory.load(folder), background)
