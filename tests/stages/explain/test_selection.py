"""Which predictions get an overlay."""

import pandas as pd

from stages.explain import selection
from tests.fixtures import tiny_nets


def predictions():
    return pd.DataFrame(
        {"image_id": ["d", "c", "b", "a"], "probability_A": [0.9, 0.8, 0.8, 0.2], "target_A": [0, 1, 1, 1]}
    )


def test_the_surest_positives_come_first_and_ties_go_by_image_id():
    cases = selection.positives(predictions(), ["A"], {"A": tiny_nets.point(0.5)}, 2)
    assert [(c.image_id, c.kind, c.rank) for c in cases] == [
        ("b", "true_positive", 1),
        ("c", "true_positive", 2),
        ("d", "false_positive", 1),
    ]


def test_a_label_without_operating_point_has_no_cases():
    assert selection.positives(predictions(), ["A"], {}, 2) == []
