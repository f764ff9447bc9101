"""params.yaml: what does not fit is refused, with the nearest right name."""

from pathlib import Path

import pytest
import yaml

from cxr.params import ParamsError, load
from cxr.params.load import check

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def content():
    return yaml.safe_load((ROOT / "presets/default.yaml").read_text())


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


def test_the_public_salt_is_refused_for_a_private_set_and_how_to_set_another_is_said(content):
    content["ingest"]["public"] = False
    with pytest.raises(ParamsError, match=r"CXR_PATIENT_SALT.*secrets\.token_hex.*sha256sum") as said:
        check(content)
    assert "Value error" not in str(said.value) and "Atelectasis" not in str(said.value)
    content["ingest"]["salt_fingerprint"] = "0123456789ab"
    assert check(content).ingest.public is False


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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the whole file"),
        (b"- a\n- b\n", "the whole file"),
        (b"a: [", "not YAML"),
        (b"\xff\xfe\xff", "not UTF-8 text"),
        ("machine: {}\n".encode("utf-16"), "not UTF-8 text.*save it as UTF-8"),
        (b"machine:\n\tintra_op_threads: 2\n", r"not YAML: line 2: found character '.t'.*; indent with spaces, not"),
        (b"a: &a {x: 1}\nb: *a\n", r"line 2: alias '\*a': write the value out"),
        (b"a: 1\nb: {<<: {x: 1}}\n", "line 2: merge key '<<': write the keys out"),
        (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", r"line 2: alias '\*a'"),
        (b"a: \x07\n", "not YAML"),
        (b"machine: [" + b"1, " * 10_000 + b"]", r"machine: .*\(got \[1, 1, .{90,100}\.\.\.\)"),
        (b"? [a]\n: 1\n", "not YAML"),
        (b"[" * 5000, "nested too deeply"),
        (b"a: 1\n---\nb: 2\n", "not YAML"),
        (b"machine: {intra_op_threads: 2, intra_op_threads: 3}", "line 1: key 'intra_op_threads' is given twice"),
    ],
    ids=[
        "empty",
        "list",
        "cut off",
        "not text",
        "utf-16",
        "tab",
        "alias",
        "merge",
        "bomb",
        "bell",
        "long",
        "list as key",
        "deep",
        "two documents",
        "twice",
    ],
)
def test_what_is_no_mapping_of_sections_is_refused_in_one_message(tmp_path, content, said):
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(ParamsError, match=said) as caught:
        load(path)
    assert str(path) in str(caught.value)
