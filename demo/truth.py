"""What nobody in the story knows at the time: AUROC of the model in production on a window, by the true findings; and
whether a retraining has moved a patient from one part of the split to another.
"""

from pathlib import Path
from typing import Any

from cxr.selection import auroc  # before NumPy: `stages` settles the machine

import numpy as np  # isort: skip
import pandas as pd  # isort: skip

from serving.log import scoring_log
from stages.phantom.write import DATA_ENTRY


def window(production: Path, folders: list[Path], labels: list[str]) -> dict[str, Any]:
    """Macro AUROC of the logged answers to a window's studies, by scanner and together; which version answered.

    `folders` are the window's, named window-<n><scanner>.
    """
    table = scoring_log.read(production / "log").drop_duplicates("source", keep="last")
    table["file"] = table["source"].str.rpartition("/")[2]
    parts = {folder.name[-1].upper(): _joined(table, folder) for folder in folders}
    found: dict[str, Any] = {}
    for name, part in {**parts, "all": pd.concat(parts.values())}.items():
        targets = np.array([[label in words for label in labels] for words in part["words"]], np.float32)
        logits = part[[f"logit_{label}" for label in labels]].to_numpy(np.float32)
        found[name] = {"studies": len(part), "auroc": auroc.auroc(targets, logits, labels)["macro"]}
    return {**found, "version": str(pd.concat(parts.values())["version"].mode()[0])}


def _joined(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    entries = pd.read_csv(folder / DATA_ENTRY, index_col=False, usecols=["Image Index", "Finding Labels"])
    entries["words"] = entries["Finding Labels"].str.split("|")
    return table.merge(entries, left_on="file", right_on="Image Index")


def moved(before: Path, after: Path) -> dict[str, int]:
    """Patients of the first manifest, and how many of them the second has in another part, or in the gate's, or not."""
    first, second = (_parts(path) for path in (before, after))
    return {"patients": len(first), "moved": sum(second.get(patient) != part for patient, part in first.items())}


def _parts(path: Path) -> dict[str, tuple[str, bool]]:
    table = pd.read_parquet(path, columns=["patient", "split", "gate"])
    return {patient: (split, gate) for patient, split, gate in table.itertuples(index=False)}
