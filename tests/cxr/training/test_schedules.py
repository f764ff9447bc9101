"""Learning rates over the steps of a training."""

import pytest

from cxr.params.learning import Schedule
from cxr.training.schedules import learning_rate


def test_the_rate_warms_up_and_falls_to_zero_and_plateaus_cut_it():
    cosine, plateau = Schedule(name="cosine", warmup_epochs=1), Schedule(name="plateau")
    assert learning_rate(1.0, cosine, 0, 10, 5, []) == pytest.approx(0.1)
    assert learning_rate(1.0, cosine, 10, 10, 5, []) == pytest.approx(1.0)
    assert learning_rate(1.0, cosine, 50, 10, 5, []) == pytest.approx(0.0)
    assert learning_rate(1.0, plateau, 99, 10, 5, [0.5, 0.4, 0.4]) == pytest.approx(0.3)
