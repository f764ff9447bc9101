"""The command that says how far two machines' answers lie apart sees what differs and what is not comparable."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import across_machines


@pytest.fixture
def predictions():
    """Two variants, three images, one label."""
    return pd.DataFrame(
        {
            "variant": ["base"] * 3 + ["int8"] * 3,
            "image_id": ["a", "b", "c"] * 2,
            "patient": "p",
            "logit_Mass": np.arange(6, dtype=np.float32),
            "probability_Mass": np.linspace(0.1, 0.6, 6),
            "target_Mass": 0,
        }
    )


@pytest.mark.parametrize(
    ("shift", "status", "said"),
    [
        (0.0, 0, "all within the tolerance of 0.0001"),
        (5e-5, 0, "all within"),
        (0.5, 1, "more than 0.0001 apart: int8"),
        (np.nan, 1, "more than 0.0001 apart: int8"),
    ],
)
def test_a_shifted_logit_is_measured_in_its_variant(predictions, tmp_path, capsys, shift, status, said):
    predictions.to_parquet(tmp_path / "a.parquet")
    predictions.loc[3, "logit_Mass"] += np.float32(shift)
    predictions.sample(frac=1, random_state=0).to_parquet(tmp_path / "b.parquet")
    assert across_machines.main([str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")]) == status
    assert said in capsys.readouterr().out


def test_other_images_and_a_missing_file_are_said(predictions, tmp_path, capsys):
    predictions.to_parquet(tmp_path / "a.parquet")
    predictions.assign(image_id=["x", "b", "c"] * 2).to_parquet(tmp_path / "b.parquet")
    assert across_machines.main([str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")]) == 1
    assert "not predictions of the same" in capsys.readouterr().err
    assert across_machines.main([str(tmp_path / "a.parquet"), str(tmp_path)]) == 1
    assert "dvc pull data/predictions.parquet" in capsys.readouterr().err
