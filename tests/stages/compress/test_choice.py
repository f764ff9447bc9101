"""The choice among variants: smallest zipped within the limits, base where none is, and always a reason in words."""

import pytest

from stages.compress.choice import auroc_drop, choose, refusal


def figures(size, macro=0.0, worst=0.0, multiply_adds=100):
    """One variant's figures, as far as the choice looks at them."""
    return {
        "bytes_gzip": size,
        "multiply_adds": multiply_adds,
        "auroc_drop": {"macro": macro, "worst": worst, "worst_label": "n/a" if worst == "n/a" else "Hernia"},
    }


def test_the_smallest_within_the_limits_is_chosen():
    chosen = choose({"base": figures(100), "float16": figures(50), "int8": figures(25, 0.009, 0.02)}, 0.01, 0.03)
    assert chosen["name"] == "int8" and "25 bytes" in chosen["why"] and chosen["refused"] == {}
    assert chosen["why"].endswith("macro AUROC on validation falls by 0.0090, the worst label's falls by 0.0200")


def test_an_auroc_that_rises_is_said_to_rise():
    chosen = choose({"base": figures(100), "int8": figures(25, -0.0012, 0.0)}, 0.01, 0.03)
    assert chosen["why"].endswith("macro AUROC on validation rises by 0.0012, the worst label's falls by 0.0000")


def test_a_worst_label_beyond_its_limit_refuses_a_variant_whose_mean_holds():
    chosen = choose({"base": figures(100), "float16": figures(50), "int8": figures(25, 0.001, 0.05)}, 0.01, 0.03)
    assert chosen["name"] == "float16"
    assert "Hernia falls by 0.0500" in chosen["refused"]["int8"] and "max_worst_drop" in chosen["refused"]["int8"]


def test_base_is_served_and_every_refusal_said_where_none_passes():
    chosen = choose({"base": figures(100), "int8": figures(25, 0.02), "pruned": figures(40, 0.3)}, 0.01, 0.03)
    assert chosen["name"] == "base"
    assert "no compressed variant" in chosen["why"] and "int8: macro" in chosen["why"] and "pruned: " in chosen["why"]


def test_base_is_served_where_no_allowed_variant_is_smaller():
    chosen = choose({"base": figures(100), "pruned": figures(140)}, 0.01, 0.03)
    assert chosen["name"] == "base" and "smaller" in chosen["why"] and not chosen["refused"]


def test_equal_sizes_are_decided_by_multiply_adds():
    chosen = choose({"base": figures(100), "a": figures(50), "b": figures(50, multiply_adds=60)}, 0.01, 0.03)
    assert chosen["name"] == "b"


def test_rounded_probabilities_are_reported_and_never_chosen():
    chosen = choose({"base": figures(100), "int8_uint8_output": figures(10)}, 0.01, 0.03)
    assert chosen["name"] == "base" and "reported only" in chosen["refused"]["int8_uint8_output"]


def test_a_variant_whose_auroc_cannot_be_measured_is_refused():
    assert "cannot be measured" in refusal(figures(10, "n/a", "n/a"), 0.01, 0.03)


@pytest.mark.parametrize("macro, worst", [(0.01, 0.03), (-0.2, -0.1)])
def test_a_drop_at_the_limit_or_a_gain_passes(macro, worst):
    assert refusal(figures(10, macro, worst), 0.01, 0.03) == ""


def test_the_worst_drop_is_the_label_that_lost_most_and_skips_labels_without_positives():
    base = {"macro": 0.9, "worst": 0.8, "Mass": 0.8, "Edema": 0.95, "Hernia": "n/a"}
    variant = {"macro": 0.88, "worst": 0.8, "Mass": 0.8, "Edema": 0.9, "Hernia": "n/a"}
    assert auroc_drop(base, variant, ["Mass", "Edema", "Hernia"]) == {
        "macro": 0.02,
        "worst": 0.05,
        "worst_label": "Edema",
    }
    nothing = {"macro": "n/a", "Hernia": "n/a"}
    assert auroc_drop(nothing, nothing, ["Hernia"]) == {"macro": "n/a", "worst": "n/a", "worst_label": "n/a"}
