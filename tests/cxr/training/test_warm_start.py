"""Warm start: training begins with the weights that `train.initial` names, or says why it can't."""

import numpy as np
import pytest

from cxr.core.errors import HashMismatch, UserError
from cxr.model import model_folder
from cxr.nets import tf_session
from cxr.nets.factory import build, load, spec
from cxr.params.learning import Train
from cxr.params.schema import Machine
from cxr.training.warm_start import initial
from stages.train.run import fresh_net
from tests.fixtures import tiny_nets

SPEC = spec("small", width=4, dropout=0.0, shape=(16, 16, 1), outputs=2)
LABELS = ["Mass", "Edema"]


@pytest.fixture
def champion(tmp_path):
    """A model folder of the small net."""
    tf_session.start(Machine(intra_op_threads=2), 3)
    folder = tmp_path / "models" / "initial"
    model_folder.write(folder, spec=SPEC, weights=build(SPEC).get_weights(), card=tiny_nets.card(LABELS), tflite=None)
    return folder


def test_the_first_weights_are_the_champions(champion):
    start = initial(str(champion), SPEC, LABELS)
    assert start is not None and start.identity == model_folder.identity(champion)
    for mine, theirs in zip(fresh_net(SPEC, Train(), start).get_weights(), load(champion).get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_scratch_file_names_no_weights():
    assert initial("models/scratch.json", SPEC, LABELS) is None


@pytest.mark.parametrize(
    ("spec_", "labels", "said"), [({**SPEC, "width": 8}, LABELS, "width"), (SPEC, ["Mass", "Hernia"], "labels")]
)
def test_another_net_or_other_labels_are_refused_by_name(champion, spec_, labels, said):
    with pytest.raises(UserError, match=said):
        initial(str(champion), spec_, labels)


def test_a_missing_or_damaged_folder_is_refused(champion):
    with pytest.raises(UserError, match="dvc pull"):
        initial(str(champion / "not-there"), SPEC, LABELS)
    (champion / "weights.npz").write_bytes(b"x")
    with pytest.raises(HashMismatch):
        initial(str(champion), SPEC, LABELS)
