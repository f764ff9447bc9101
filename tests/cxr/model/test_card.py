"""The model card: what other code reads has a type, what does not fit is refused in a line, and no byte moves."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr.core.document import UnreadableDocument
from cxr.core.files import write_checksums, write_json
from cxr.data.preprocessing_spec import FULL_RANGE, Chain
from cxr.model import model_folder
from cxr.model.card import ModelCard
from cxr.model.litert import Net
from tests.fixtures import tiny_nets
from tests.fixtures.archives import unpack

CARDS = (
    "models/compressed/int8",
    "production/releases/2212a6fee9434b27/model",
    "production/releases/c217c92000a6ae35/model",
)
LABELS = ["Atelectasis", "Cardiomegaly", "Effusion", "Infiltration"]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Models and releases that an earlier version made, unpacked."""
    folder = tmp_path_factory.mktemp("old")
    unpack(root / "tests/fixtures/made_before_the_move.tar.gz", folder)
    return folder


@pytest.mark.parametrize("name", CARDS)
def test_a_card_that_is_read_and_written_keeps_its_bytes(old: Path, name: str, tmp_path: Path) -> None:
    model_folder.read_card(old / name).write(tmp_path / "card.json")
    assert (tmp_path / "card.json").read_bytes() == (old / name / "card.json").read_bytes()


def test_an_earlier_release_is_served_by_its_card(old: Path) -> None:
    net = Net(old / CARDS[1])
    assert (net.card.labels, net.card.parent is None, net.card.preprocessing) == (
        LABELS,
        False,
        Chain(32, 2.0, 2, 1, FULL_RANGE),
    )
    found = net.probabilities(np.full((2, *net.card.input.sides), 128, np.uint8))
    assert found.shape == (2, len(LABELS)) and (found > 0).all() and (found < 1).all()


def test_what_was_never_said_is_not_written() -> None:
    plain = tiny_nets.card(["a"])
    assert "output" not in plain.content() and plain.output == "logits" and plain.content()["schema"] == 1
    assert plain.model_copy(update={"output": "probabilities"}).content()["output"] == "probabilities"


def test_keys_of_others_are_kept() -> None:
    content = tiny_nets.card(["a"]).content() | {"unheard_of": {"b": 1}}
    assert ModelCard.parse(content, "card.json").content() == content


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"labels": None}, "labels"),
        ({"input": {"height": "16", "width": 16, "channels": 1}}, "input.height"),
        ({"calibration": {"method": "isotonic"}}, "calibration.*'isotonic'.*'platt', 'temperature'"),
        ({"calibration": {"method": "platt", "a": [1.0]}}, r"calibration\.platt\.b"),
        ({"operating_points": {"a": {"threshold": "n/a"}}}, "operating_points.a.threshold"),
        ({"preprocessing": {"size": 16}}, "preprocessing: missing or unknown channels, clip_limit, tiles"),
        ({"preprocessing": {"size": None, "clip_limit": 1.0, "tiles": 2, "channels": 1}}, "preprocessing"),
        ({"preprocessing": 3}, "preprocessing"),
        ({"sparsity": float("nan")}, "sparsity"),
        ({"output": "odds"}, "output"),
        ({"schema": 2}, "format 2.*up to 1.*update the code"),
    ],
)
def test_a_card_that_does_not_fit_is_refused_by_file_and_key(changed: dict[str, Any], fault: str) -> None:
    content = json.loads(json.dumps(tiny_nets.card(["a"]).content())) | changed
    with pytest.raises(UnreadableDocument, match=f"^model/card.json: .*{fault}") as refused:
        ModelCard.parse(content, "model/card.json")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("key", sorted(ModelCard.model_fields.keys() - {"output", "public"}))
def test_a_card_that_lacks_a_key_is_refused_by_file_and_key(key: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model_folder.write(folder, spec={}, weights=[], card=tiny_nets.card(["a"]), tflite=b"")
    content = json.loads((folder / "card.json").read_text())
    del content[key]
    write_json(folder / "card.json", content)
    write_checksums(folder)
    with pytest.raises(UnreadableDocument, match=f"{folder}/card.json: {key}"):
        model_folder.read_card(folder)
