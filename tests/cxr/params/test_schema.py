"""params.yaml: values that are sound alone and make no sense beside one another are refused, with both names."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from cxr.params import Params, ParamsError
from cxr.params.load import check

ROOT = Path(__file__).resolve().parents[3]


def checked(**changes: Any) -> Params:
    """The default with other values, by dotted name ("__" for the dot)."""
    content = yaml.safe_load((ROOT / "presets/default.yaml").read_text())
    for name, value in changes.items():
        *sections, key = name.split("__")
        place = content
        for section in sections:
            place = place[section]
        place[key] = value
    return check(content)


def refusal(**changes: Any) -> str:
    """What is said of the values."""
    with pytest.raises(ParamsError) as caught:
        checked(**changes)
    assert "\n" not in str(caught.value) and "Value error" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"monitor__least_studies": 201}, ("least_studies (201)", "window (200)")),
        ({"validate__min_side": 33, "validate__max_side": 32}, ("min_side (33)", "max_side (32)")),
        ({"validate__prevalence": [0.5, 0.4]}, ("prevalence", "0.5", "0.4")),
        ({"validate__blank_std": 127.5}, ("blank_std",)),
        ({"ingest__split__ratio": {"train": 0.8, "validation": 0.0, "test": 0.2}}, ("ratio.validation", "rule hash")),
        ({"ingest__split__ratio": {"train": 0.8, "validation": 0.2, "test": 0.0}}, ("ratio.test", "rule hash")),
        ({"ingest__split__ratio": {"train": 0.0, "validation": 0.8, "test": 0.2}}, ("ratio.train", "rule hash")),
        ({"ingest__split__gate_fraction": 1.0}, ("ingest.split.gate_fraction", "less than 1")),
        ({"ingest__labels": ["Mass", "Mass"]}, ("labels must not repeat",)),
        ({"ingest__labels": ["Mass", " "]}, ("none may be empty",)),
        ({"ingest__labels": ["Mass\n"]}, ("line break",)),
        ({"train__seed": -1}, ("train.seed", "-1")),
        ({"retrain__gate__seed": 2**32}, ("retrain.gate.seed", "4294967296")),
        ({"machine__intra_op_threads": 10**9}, ("machine.intra_op_threads",)),
        ({"score__folder": ""}, ("score.folder",)),
        ({"ingest__negative": "Mass"}, ("negative (Mass)", "labels")),
        ({"ingest__task": "multiclass", "ingest__labels": ["Mass"]}, ("multiclass", "two labels")),
        ({"ingest__task": "multiclass", "ingest__negative": "none"}, ("multiclass", "`negative` is null")),
        ({"ingest__set": "1e3"}, ("ingest.set", "DVC reads this name as a number")),
        ({"ingest__set": "1_0e1"}, ("ingest.set", "DVC reads this name as a number")),
        ({"ingest__set": 2024}, ("ingest.set", "valid string", "2024")),
        ({"preprocess__size": 8, "preprocess__clahe__tiles": 9}, ("clahe.tiles (9)", "size (8)")),
        ({"train__epochs": 1, "train__schedule__warmup_epochs": 1.5}, ("schedule.warmup_epochs (1.5)", "epochs (1)")),
        ({"train__weights": "imagenet"}, ("net small", "weights (imagenet)")),
        ({"compress__variants": ["int8", "int8"]}, ("compress.variants", "repeat")),
        (
            {"retrain__gate__confidence": 0.999, "retrain__gate__bootstrap": 999},
            ("bootstrap (999)", "0.999", "1000 or"),
        ),
        ({"retrain__gate__confidence": 1.0}, ("confidence", "less than 1")),
        ({"score__http_images": 65}, ("http_images (65)", "http_waiting (64)")),
        ({"phantom__batch": "../elsewhere"}, ("phantom.batch",)),
    ],
)
def test_keys_that_contradict_one_another_are_named_with_their_values(
    changes: dict[str, Any], names: tuple[str, ...]
) -> None:
    said = refusal(**changes)
    assert [name for name in names if name not in said] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"monitor__least_studies": 200},
        {"validate__min_side": 32, "validate__max_side": 32},
        {"validate__prevalence": [0.4, 0.4]},
        {"ingest__split__rule": "official", "ingest__split__ratio": {"train": 1.0, "validation": 0.0, "test": 0.0}},
        {"preprocess__size": 8, "preprocess__clahe__tiles": 9, "preprocess__clahe__clip_limit": 0},
        {"train__epochs": 1, "train__schedule__warmup_epochs": 1.0},
        {"train__net": "resnet50", "train__weights": "imagenet"},
        {"retrain__gate__confidence": 0.999, "retrain__gate__bootstrap": 1000},
        {"ingest__set": "1e3x"},
        {"ingest__set": "2024"},
    ],
)
def test_what_just_fits_is_taken(changes: dict[str, Any]) -> None:
    checked(**changes)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, True, "yes"])
@pytest.mark.parametrize("key", ["train__learning_rate", "preprocess__cache_gigabytes", "monitor__window"])
def test_what_is_no_number_or_none_that_can_be_meant_is_refused(key: str, value: Any) -> None:
    assert key.replace("__", ".") in refusal(**{key: value})


PATTERN = r"^(?P<patient>\d+)_"


def test_a_layout_without_a_column_of_patients_needs_exactly_one_way_to_know_them() -> None:
    said = refusal(ingest__layout="folder")
    assert "exactly one of patient_pattern" in said and "one_patient_per" in said and "0 of the two" in said
    both = refusal(ingest__layout="folder", ingest__patient_pattern=PATTERN, ingest__one_patient_per="image")
    assert "2 of the two" in both
    checked(ingest__layout="folder", ingest__one_patient_per="image")
    checked(ingest__layout="folder", ingest__patient_pattern=PATTERN)


def test_a_layout_whose_table_has_the_patients_takes_no_other_way() -> None:
    assert "set patient_pattern to null" in refusal(ingest__patient_pattern=PATTERN)
    assert "set one_patient_per to null" in refusal(ingest__one_patient_per="file_name")


@pytest.mark.parametrize(("pattern", "why"), [("(", "no regular expression"), ("person", "no group"), ("", "no group")])
def test_a_pattern_that_is_none_is_named(pattern: str, why: str) -> None:
    assert why in refusal(ingest__patient_pattern=pattern)
