"""What the gate reads: the release in production, what the pipeline made here, gate and test studies with their images.

Which studies are new: those of batches that the champion's data did not hold, and those whose labels such a batch has
corrected (else a batch of wrong labels could rewrite the old ones).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr.core.errors import UserError
from cxr.core.files import read_json
from cxr.data import manifest
from cxr.data.manifest import Manifest
from cxr.data.preprocessing_spec import Chain
from cxr.data.shards import Shards
from cxr.imaging.decode import decode
from cxr.imaging.preprocess import apply
from cxr.metrics.comparisons import JudgedStudies, Side
from cxr.model import model_folder
from cxr.model.litert import Net
from cxr.model.probabilities import calibrated
from cxr.raw import private_names
from cxr.raw.batch import Batch, open_set
from serving.registry import releases
from serving.registry.pipeline_output import PipelineOutput, pipeline_output_in

AT_ONCE = 64  # images in memory


@dataclass(frozen=True)
class GateInputs:
    """Both sides and what they are judged on; `new` and `test` are bool (rows,) over gate and test rows together.

    `train`: the studies that the challenger was fitted to, for the background of explanations.
    """

    champion: releases.Release
    output: PipelineOutput
    rows: Manifest
    train: Manifest
    new: np.ndarray
    test: np.ndarray
    test_figures: Any

    @property
    def gate(self) -> Manifest:
        """The gate studies alone, old and new."""
        return Manifest(self.rows.head, self.rows.table[~self.test].reset_index(drop=True))

    @property
    def parts(self) -> dict[str, np.ndarray]:
        """Which rows are `old` and which `new` gate studies, each bool (rows,)."""
        return {"old": ~self.test & ~self.new, "new": ~self.test & self.new}

    @property
    def studies(self) -> JudgedStudies:
        """Targets and patients of all rows."""
        head = self.rows.head
        return JudgedStudies(head.labels, head.task, self.rows.targets(), tuple(map(str, self.rows.table["patient"])))


def read(release: releases.Release, project: Path, max_pixels: int) -> GateInputs:
    """Read and check all but images. UserError where the two can't be compared."""
    output, whole = pipeline_output_in(project), manifest.read(project / "data" / "manifest.parquet")
    for folder in (release.folder, output.model):
        card = model_folder.read_card(folder)
        if card.labels != list(whole.head.labels) or card.task != whole.head.task:
            raise UserError(
                f"{folder}: its labels or task are not the manifest's: the two models answer different "
                "questions, and no gate can choose; install the new one by hand if it is meant to be so: "
                "cxr production install"
            )
    table = whole.table
    kept = (table["gate"] & (table["split"] == "validation")) | (table["split"] == "test")
    rows = Manifest(whole.head, table[kept].reset_index(drop=True))
    corrected = _corrected(project / "data" / "merged.csv", release.batches)
    new = ~rows.table["batch"].isin(release.batches) | rows.table["image_id"].isin(corrected)
    figures = project / "metrics" / "evaluate.json"
    test = (rows.table["split"] == "test").to_numpy(bool)
    return GateInputs(
        release,
        output,
        rows,
        whole.rows("train"),
        new.to_numpy(bool),
        test,
        read_json(figures) if figures.exists() else None,
    )


def answers(net: Net, chain: Chain, inputs: GateInputs, project: Path) -> Side:
    """A model's answers for all rows, its images made by its own preprocessing."""
    logits = np.concatenate([net.logits(images) for images in batches(chain, inputs.rows, project)])
    return Side(logits, calibrated(logits, net.card.calibration))


def batches(chain: Chain, rows: Manifest, project: Path) -> Any:
    """Images of the rows, uint8 (some, H, W, C): from the shards where these were made by the chain, else from raw."""
    processed = project / "data" / "processed"
    if _same(Chain.from_dict(read_json(processed / "chain.json")), chain, rows):
        yield from Shards(processed).minibatches(list(rows.table["image_id"]), AT_ONCE)
        return
    folder = _raw(project, rows.head.set)
    with private_names.withheld(not rows.head.public, "gate"):
        raw = {batch.name: batch for batch in open_set(folder)}
        for start in range(0, len(rows.table), AT_ONCE):
            part = rows.table.iloc[start : start + AT_ONCE]
            files = zip(part["batch"], part["source"], part["sha256"], strict=True)
            yield np.stack([_from_raw(chain, raw[batch], source, sha256) for batch, source, sha256 in files])


def _same(made: Chain, asked: Chain, rows: Manifest) -> bool:
    """Whether two chains give these images the same pixels: how deep 16-bit files are matters where there are some."""
    deep = "stored_bits" not in rows.table or bool((rows.table["stored_bits"] > 8).any())
    return made == (asked if deep else replace(asked, level_bits=made.level_bits))


def _raw(project: Path, name: str) -> Path:
    """The folder of the set's batches; UserError where it is not here."""
    folder = project / "data" / "raw" / name
    if not folder.is_dir():
        raise UserError(
            f"{folder}: is not here, and the champion preprocesses otherwise than data/processed: its "
            f"images must be made from the raw ones; `dvc pull {folder}` first"
        )
    return folder


def _from_raw(chain: Chain, batch: Batch, source: str, sha256: str) -> np.ndarray:
    # the decoder's own bound on pixels was applied when ingest took the file
    return apply(chain, decode(batch.read(batch.file_of(source, sha256)), 2**31))


def _corrected(merged: Path, known: Sequence[str]) -> set[str]:
    """Images whose labels a batch that the champion did not know has changed."""
    if not merged.exists():
        return set()
    table = pd.read_csv(merged, dtype=str, keep_default_na=False)
    rows = table[(table["outcome"] == "corrected") & ~table["batch"].isin(known)]
    return set(rows["image_id"])
