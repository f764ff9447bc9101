"""The pointing game at the gate: on boxed gate studies, both models on the same, never on test studies."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cxr.core.errors import UserError
from cxr.data import manifest
from cxr.data.preprocessing_spec import Chain
from cxr.metrics.comparisons import Hits
from cxr.model import model_folder
from cxr.nets import tf_session
from cxr.params.production import Gate
from serving.gate import checks, pointing
from serving.gate.inputs import GateInputs
from tests.stages.explain import test_explain as made
from tests.stages.explain.test_explain import trained  # noqa: F401  (a fixture)

CHAIN = Chain(made.SIDE, 0.0, 1, 1)
RULE = Gate(bootstrap=300)
COUNT = 96


def inputs_of(boxed: bool = True) -> GateInputs:
    """A quarter of the studies are test studies, a quarter gate studies, half train studies; all have boxes."""
    whole = manifest.read(Path("data/manifest.parquet"))
    table = whole.table.copy()
    number = table["patient"].str[1:].astype(int)
    gate = (table["split"] == "test") & (number % 2 == 0)
    table["split"], table["gate"] = np.where(gate, "validation", table["split"]), gate
    if not boxed:
        table.loc[gate, "boxes"] = "[]"
    whole = manifest.Manifest(whole.head, table)
    rows = manifest.Manifest(whole.head, table[table["split"] != "train"].reset_index(drop=True))
    test = (rows.table["split"] == "test").to_numpy(bool)
    return GateInputs(None, None, rows, whole.rows("train"), np.zeros(len(test), bool), test, None)


@pytest.fixture
def sides(tmp_path: Path, trained, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:  # noqa: F811
    """A champion that looks at the finding, and a challenger for which the finding speaks against itself."""
    monkeypatch.setattr(tf_session, "start", lambda *settings: None)  # once a process; the fixture has done it
    monkeypatch.chdir(tmp_path)
    made.project(tmp_path, trained, count=COUNT)
    Path("data/processed/chain.json").write_text(json.dumps(CHAIN.to_dict()))
    card = model_folder.read_card(Path("models/compressed/int8"))
    *body, kernel, bias = trained[1].get_weights()
    model_folder.write(Path("blind"), spec=trained[0], weights=[*body, -kernel, bias], card=card, tflite=None)
    return {"champion": Path("models/compressed/int8"), "challenger": Path("blind")}


def play(folders: dict[str, Path], inputs: GateInputs):
    return pointing.play(folders, dict.fromkeys(folders, CHAIN), inputs, Path(), made.params())


def test_a_challenger_that_looks_elsewhere_is_refused_and_the_champion_itself_is_not(sides):
    inputs = inputs_of()
    hits = play(sides, inputs)
    gate = set(inputs.gate.table["patient"])
    assert len(hits) == COUNT // 4 and set(hits.patients) == gate
    assert not gate & set(inputs.rows.table["patient"][inputs.test])
    assert hits.champion.mean() >= 0.75 > 0.3 > hits.challenger.mean()
    refused = checks.explained(hits, RULE)
    assert refused.passed is False and "24 boxed gate studies" in refused.words
    assert checks.explained(Hits(hits.champion, hits.champion, hits.patients), RULE).passed


class Corner:
    """In place of an explainer: it points at the upper left corner of whatever it sees, and counts."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def explain(self, image: np.ndarray, label: int) -> SimpleNamespace:
        self.seen.append(image.tobytes())
        return SimpleNamespace(values=np.outer(np.arange(made.SIDE)[::-1], np.arange(made.SIDE)[::-1]))


def test_so_many_studies_are_played_and_no_more_and_the_same_each_time_by_both_models(sides, monkeypatch):
    corner = Corner()
    monkeypatch.setattr(pointing, "_explainer", lambda *given: corner)
    monkeypatch.setattr(pointing, "MOST", 6)
    first, again = play(sides, inputs_of()), play(sides, inputs_of())
    assert len(first) == 6 and first.patients == again.patients and not first.champion.any()
    assert len(set(corner.seen)) == 6 and corner.seen == 4 * corner.seen[:6]


def test_without_a_boxed_gate_study_it_is_not_played_whatever_boxes_test_studies_have(sides, monkeypatch):
    monkeypatch.setattr(pointing, "_explainer", lambda *given: pytest.fail("nothing is to be explained"))
    assert play(sides, inputs_of(boxed=False)) is None
    assert checks.explained(None, RULE).passed is None


def test_a_set_up_without_shap_is_told_where_to_run_the_gate(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "shap", None)
    monkeypatch.delitem(sys.modules, "cxr.explanation.attribution", raising=False)
    with pytest.raises(UserError, match="needs shap, which this set-up lacks: run the gate on a machine of"):
        pointing._explainer(tmp_path, np.zeros(1), SimpleNamespace())
