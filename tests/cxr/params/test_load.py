"""params.yaml: what does not fit is refused, with the nearest right name."""
from pathlib import Path

import pytest
import yaml

from cxr.params import ParamsError, load
from cxr.params.load import check
from cxr.params.preset import main, text
from cxr.params.schema import Report, Score

ROOT = Path(__file__).resolve().parents[3]
PRESETS = sorted((ROOT / "presets").glob("*.yaml"))


@pytest.fixture
def content():
    return yaml.safe_load((ROOT / "presets/phantom.yaml").read_text())


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_every_preset_is_complete_and_says_what_it_is(preset):
    check(yaml.safe_load(text(preset)), preset)
    head = preset.read_text().split("machine:")[0]
    assert "Hardware:" in head
    assert f"make preset NAME={preset.stem}" in head


def test_params_yaml_is_the_default_preset():
    assert (ROOT / "params.yaml").read_text() == text(ROOT / "presets/phantom.yaml")


def test_a_section_that_a_preset_leaves_out_comes_in_with_its_defaults(tmp_path, monkeypatch, content):
    del content["report"], content["score"]
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets/mine.yaml").write_text("# mine\n" + yaml.safe_dump(content))
    monkeypatch.chdir(tmp_path)
    assert main("mine") == 0
    assert (tmp_path / "params.yaml").read_text().startswith("# mine\n")
    written = load(tmp_path / "params.yaml")
    assert (written.report, written.score) == (Report(), Score())


def test_a_preset_without_the_section_that_has_no_defaults_is_refused(tmp_path, monkeypatch, content, capsys):
    del content["ingest"]
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets/mine.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(tmp_path)
    assert main("mine") == 1
    assert "ingest" in capsys.readouterr().err
    assert not (tmp_path / "params.yaml").exists()


def test_a_mistyped_key_is_refused_with_the_nearest_right_name(content):
    content["train"]["epohs"] = content["train"].pop("epochs")
    with pytest.raises(ParamsError, match=r"unknown key 'train.epohs': did you mean 'epochs'"):
        check(content)


def test_a_mistyped_section_and_a_nested_key_are_refused(content):
    content["preprocess"]["clahe"]["clip_limt"] = 3
    content["evalute"] = {}
    with pytest.raises(ParamsError) as caught:
        check(content)
    assert "did you mean 'clip_limit'" in str(caught.value)
    assert "did you mean 'evaluate'" in str(caught.value)


def test_a_wrong_type_names_key_and_value(content):
    content["train"]["epochs"] = "many"
    with pytest.raises(ParamsError, match=r"train\.epochs.*'many'"):
        check(content)


def test_an_unknown_expectation_is_refused_with_the_nearest_right_name(content):
    content["validate"]["severity"] = {"patients_in_one_split": "warning"}
    with pytest.raises(ParamsError, match=r"'validate\.severity\.patients_in_one_split': did you mean 'patient_in"):
        check(content)


def test_a_word_that_is_not_known_is_refused_with_the_nearest_right_one(content):
    content["ingest"]["task"] = "multi-label"
    with pytest.raises(ParamsError, match=r"ingest\.task: 'multi-label' is not known: did you mean 'multilabel'"):
        check(content)


def test_a_missing_key_is_refused_with_its_default(content):
    del content["train"]["dropout"]
    with pytest.raises(ParamsError, match=r"'train\.dropout' is missing \(its default: 0\.0\)"):
        check(content)


def test_a_ratio_that_does_not_sum_to_one_is_refused(content):
    content["ingest"]["split"]["ratio"]["test"] = 0.5
    with pytest.raises(ParamsError, match=r"train \+ validation \+ test must be 1"):
        check(content)


def test_a_key_given_twice_is_refused_with_its_line(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("machine: {}\nmachine: {}\n")
    with pytest.raises(ParamsError, match="line 2: key 'machine' is given twice"):
        load(path)


def test_yaml_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("machine: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(ParamsError, match="not YAML"):
        load(path)
