"""The evaluation code agrees with figures that others published."""
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr.selection.auroc import auroc


def test_published_nih_aurocs_are_reproduced_to_1e_9(shared_data: Path) -> None:
    predictions = pd.read_csv(shared_data / "nih_predictions" / "preds.csv")
    published = pd.read_csv(shared_data / "nih_predictions" / "aucs.csv").set_index("label")["auc"]
    entries = pd.read_csv(shared_data / "nih" / "Data_Entry_2017_v2020.csv.gz", usecols=[0, 1])
    findings = entries.set_index(entries.columns[0])[entries.columns[1]].str.split("|")
    findings = findings.loc[predictions["Image Index"]]
    labels = list(published.index)
    targets = np.array([[label in found for label in labels] for found in findings], np.float32)
    ours = auroc(targets, predictions[[f"prob_{label}" for label in labels]].to_numpy(), labels)
    assert len(labels) == 14
    assert {label: ours[label] for label in labels} == pytest.approx(published.to_dict(), abs=1e-9, rel=0)
    assert ours["macro"] == pytest.approx(published.mean(), abs=1e-9, rel=0)
    assert ours["worst"] == pytest.approx(published.min(), abs=1e-9, rel=0)
