"""What is suggested for a name that nobody knows."""

import pytest

from command import preset
from cxr.params.suggestions import suggestion


def test_the_known_name_that_is_most_like_it_is_suggested() -> None:
    assert suggestion("epohs", ["epoch", "epochs", "seed"]) == "did you mean 'epochs'?"


def test_all_known_names_are_listed_where_none_is_like_it() -> None:
    assert suggestion("zzz", ["epochs", "seed"]) == "known here: epochs, seed"
    assert suggestion("zzz", []) == "known here: nothing"


def test_a_name_may_be_anything_that_yaml_reads() -> None:
    assert suggestion(2017, [2018, "seed"]) == "did you mean '2018'?"


@pytest.mark.parametrize(("name", "said"), [("kermani", "did you mean 'kermany'?"), ("", "known here: default, ")])
def test_a_preset_that_is_not_there_is_answered_with_those_that_are(
    name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preset.main([name]) == 1
    assert f"preset '{name}' is not there: {said}" in capsys.readouterr().err
