"""What explain reads: predictions of the chosen variant; and the file names that labels become."""

import pandas as pd
import pytest

from cxr.core.errors import UserError
from stages.explain.inputs import file_names, read_predictions


def predictions():
    return pd.DataFrame(
        {"image_id": ["d", "c", "b", "a"], "probability_A": [0.9, 0.8, 0.8, 0.2], "target_A": [0, 1, 1, 1]}
    )


def test_labels_become_safe_and_distinct_file_names():
    names = file_names(["Pleural_Thickening", "a/b", "A b", "../x", "肺炎"])
    assert names["Pleural_Thickening"] == "Pleural_Thickening" and names["../x"] == "x"
    assert len({name.lower() for name in names.values()}) == 5
    assert all(name.isascii() and "/" not in name for name in names.values())


def test_predictions_of_another_variant_are_refused_by_name(tmp_path):
    path = tmp_path / "predictions.parquet"
    predictions().assign(variant="base").to_parquet(path)
    with pytest.raises(UserError, match="no rows of the chosen variant 'int8'"):
        read_predictions(path, "int8", ["A"])
    with pytest.raises(UserError, match="column 'probability_B' is missing"):
        read_predictions(path, "base", ["A", "B"])
    assert len(read_predictions(path, "base", ["A"])) == 4
