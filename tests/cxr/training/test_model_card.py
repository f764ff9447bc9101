"""The card of a trained net says what must be known of its set."""

from dataclasses import replace

import pytest

from cxr.data import manifest
from cxr.data.preprocessing_spec import Chain
from cxr.training import model_card
from tests.fixtures.made_up_project import SIDE
from tests.fixtures.tiny_nets import card as any_card


@pytest.mark.parametrize("public", [True, False])
def test_a_card_says_that_its_set_is_private_and_its_variants_too(made_up, public):
    read = manifest.read(made_up / "data/manifest.parquet")
    data = manifest.Manifest(replace(read.head, public=public), read.table)
    like = any_card(list(data.head.labels))
    found = model_card.Measured(like.calibration, like.operating_points, like.validation)
    card = model_card.base_card(data, Chain(SIDE, 0.0, 2, 1), found, data_hash="data", code_version="code")
    for each in (card, model_card.measured_anew(card, found)):
        assert each.public is public and ("public" in each.content()) is not public
