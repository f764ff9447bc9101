"""What an official test split is worth: `python benchmarks/test_split.py [--against OTHER/data/predictions.parquet]`.

In the project's folder after `make repro`: macro AUROC of every variant on all test patients, and on those who stand in
no other split (Kermany's test shares patient strings with train). With `--against`, the difference to another run on
the same images, paired by patient. Intervals are 95 %, patient-wise bootstrap of 1,000.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

import numpy as np
import pandas as pd

from cxr.data import manifest
from cxr.metrics import intervals
from cxr.selection import auroc

PREDICTIONS, MANIFEST = Path("data/predictions.parquet"), Path("data/manifest.parquet")
RESAMPLES = 1000
Figure = tuple[float, np.ndarray]  # macro AUROC; the same in every resample


def macro(rows: pd.DataFrame, head: manifest.Head) -> Figure:
    """Macro AUROC of one variant's rows of data/predictions.parquet, and its replicates (resamples,)."""
    targets = rows[[f"target_{label}" for label in head.labels]].to_numpy(np.float32)
    score = auroc.scores(rows[[f"logit_{label}" for label in head.labels]].to_numpy(np.float32), head.task)
    bootstrap = intervals.PatientBootstrap(list(rows["patient"]), RESAMPLES, 0)
    defined = np.isfinite(auroc.per_label(auroc.label_auroc, targets, score)[0])
    replicates = bootstrap.replicates(auroc.label_auroc, targets, score)
    value = float(auroc.auroc(targets, score, list(head.labels))["macro"])
    return value, intervals.with_summaries(replicates, defined)[:, 0]


def shown(value: float, replicates: np.ndarray) -> str:
    """For example 0.9533 [0.9392, 0.9688]."""
    low, high = np.nanpercentile(replicates, [2.5, 97.5])
    return f"{value:.4f} [{low:.4f}, {high:.4f}]"


def lines(predictions: pd.DataFrame, head: manifest.Head, other: pd.DataFrame | None) -> list[str]:
    """One line a variant, with the paired difference to `other` where it has that variant."""
    told = []
    for name, rows in predictions.groupby("variant", sort=False):
        value, replicates = macro(rows, head)
        told.append(f"  {name:<18} {shown(value, replicates)}")
        if other is not None and not (theirs := other[other["variant"] == name]).empty:
            before, others = macro(theirs.set_index("image_id").loc[rows["image_id"]].reset_index(), head)
            told[-1] += f"   minus the other run's {shown(value - before, replicates - others)}"
    return told


def main(against: Path | None) -> None:
    """Print both parts of the test split."""
    made = manifest.read(MANIFEST)
    predictions = pd.read_parquet(PREDICTIONS)
    other = pd.read_parquet(against) if against else None
    elsewhere = set(made.table.loc[made.table["split"] != "test", "patient"])
    apart = predictions[~predictions["patient"].isin(elsewhere)]
    for title, part in (("all of the test split", predictions), ("its patients who stand in no other split", apart)):
        print(f"{title}: {part['image_id'].nunique()} images of {part['patient'].nunique()} patients")
        print("\n".join(lines(part, made.head, other)))


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--against", type=Path, help="predictions of another run on the same test images")
    main(reader.parse_args().against)
