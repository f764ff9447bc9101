"""What travels to a worker is checked when it arrives."""

import pytest
from pydantic import ValidationError

from flows.dispatch.order import FORMAT, Order
from tests.fixtures.flows_project import an_order


def test_an_order_arrives_as_it_was_sent():
    sent = an_order("data/raw/dvc.yaml:phantom", "c" * 40, {"check": {"cmd": "x"}}, 2)
    assert Order.model_validate(sent.model_dump(mode="json")) == sent and sent.name == "phantom-2"


def test_an_order_without_a_format_is_of_the_first_one_and_a_newer_one_is_refused():
    content = an_order("train", "c" * 40, {}).model_dump()
    del content["format"]
    assert Order.model_validate(content).format == 1
    with pytest.raises(ValidationError, match=f"format {FORMAT + 1}, this worker knows {FORMAT}: update its checkout"):
        Order.model_validate({**content, "format": FORMAT + 1})


@pytest.mark.parametrize("wrong", [{"attempt": "first"}, {"entries": ["train"]}, {"command": "rm"}])
def test_an_order_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        Order.model_validate({**an_order("train", "c" * 40, {}).model_dump(), **wrong})
