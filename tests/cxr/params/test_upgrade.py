"""An older params.yaml is brought up to date: keys come in, and what was there stays to the byte."""

from pathlib import Path

import pytest
import yaml

from cxr.params import ParamsError, load
from cxr.params.upgrade import upgrade

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = ROOT / "presets/default.yaml"
RECORDED = ROOT / "tests/fixtures/presets/kermany.yaml"


def leaves(section: dict, place: tuple = ()) -> list[tuple]:
    """The places of all keys, sections too."""
    found = []
    for key, value in section.items():
        found += [(*place, key), *(leaves(value, (*place, key)) if isinstance(value, dict) else [])]
    return found


def without(content: dict, place: tuple) -> dict:
    """A copy without one key."""
    copy = {
        key: without(value, place[1:]) if isinstance(value, dict) and place[:1] == (key,) and place[1:] else value
        for key, value in content.items()
    }
    return {key: value for key, value in copy.items() if (key,) != place}


def upgraded(path: Path, text: str) -> tuple[list[str], list[str], str]:
    """What was added, what was strange and the file's text afterwards."""
    path.write_bytes(text.encode())
    found = upgrade(path, DEFAULT)
    return found.added, found.strange, path.read_bytes().decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


@pytest.mark.parametrize("flow", [False, True, None], ids=["block", "flow", "mixed"])
def test_any_key_that_lacks_comes_in_with_its_default(path: Path, flow: bool | None) -> None:
    content, default = yaml.safe_load(RECORDED.read_text()), yaml.safe_load(DEFAULT.read_text())
    for place in leaves(default)[::9]:
        added, strange, text = upgraded(path, yaml.safe_dump(without(content, place), default_flow_style=flow))
        expected = value = default
        for key in place:
            value = value[key]
        found = yaml.safe_load(text)
        for key in place:
            found, expected = found[key], expected[key]
        assert (added, strange, found) == ([".".join(place)], [], value)
        assert upgrade(path, DEFAULT).added == []


def test_what_is_lacking_comes_with_its_comment_in_the_defaults_place_and_all_else_stays(path: Path) -> None:
    whole = DEFAULT.read_text()
    own = whole.replace("  epochs: 14 ", "  epochs: 99 ").replace("\ncompress:", "\n# my notes\ncompress:")
    lines = own.splitlines(keepends=True)
    gone = ("  checkpoint_seconds:", "  patience:", "    gamma:")
    added, strange, text = upgraded(path, "".join(line for line in lines if not line.startswith(gone)))
    assert (added, strange) == (["train.loss.gamma", "train.patience", "train.checkpoint_seconds"], [])
    assert text == own


def test_a_whole_section_comes_in_with_its_comments(path: Path) -> None:
    whole = DEFAULT.read_text()
    start, end = whole.index("score:"), whole.index("retrain:")
    added, _, text = upgraded(path, whole[:start] + whole[end:])
    assert added == ["score"]
    assert text == whole


def test_the_parameters_of_the_release_before_are_whole(path: Path) -> None:
    old = "machine: {instruction_set: avx2}\nphantom:\n  {studies: 120, image_size: 64,\n   seed: 7}  # mine\n"
    added, strange, text = upgraded(path, old)
    assert strange == []
    assert {"phantom.batch", "train", "monitor"} <= set(added)
    assert "seed: 7, label_noise: 0.02, prevalence: 0.14, scanner_b_fraction: 0.25, batch: batch-001}  # mine\n" in text
    assert load(path).phantom.studies == 120


def test_an_empty_mapping_in_braces_is_filled(path: Path) -> None:
    whole = DEFAULT.read_text()
    start, end = whole.index("  clahe:"), whole.index("  buckets:")
    added, _, text = upgraded(path, f"{whole[:start]}  clahe: {{}}  # mine\n{whole[end:]}")
    assert added == ["preprocess.clahe.clip_limit", "preprocess.clahe.tiles"]
    assert "  clahe: {clip_limit: 2.0, tiles: 8}  # mine\n" in text


def test_unknown_keys_are_named_with_a_suggestion_and_left_alone(path: Path) -> None:
    own = DEFAULT.read_text().replace("  epochs: 14", "  epohs: 14").replace("\nreport:", "\nextra: [1]\nreport:")
    added, strange, text = upgraded(path, own)
    assert added == ["train.epochs"]
    assert [line.removeprefix(f"{path}: ") for line in strange] == [
        "unknown key 'train.epohs' is left alone: did you mean 'epochs'?",
        next(line.removeprefix(f"{path}: ") for line in strange if "'extra'" in line),
    ]
    assert "  epohs: 14" in text and "extra: [1]" in text


def test_a_free_mapping_has_no_unknown_keys(path: Path) -> None:
    assert upgraded(path, DEFAULT.read_text().replace("severity: {}", "severity: {sex_known: info}"))[:2] == ([], [])


@pytest.mark.parametrize(
    ("old", "other", "said"),
    [
        ("report:", "report: null\nold_report:", "'report' is left alone: it is to be a mapping of keys"),
        ("  epochs: 14 ", "  epochs: {a: 1} ", "'train.epochs' is left alone: it is to be one value"),
    ],
)
def test_a_value_of_another_kind_is_named_and_left_alone(path: Path, old: str, other: str, said: str) -> None:
    _, strange, text = upgraded(path, DEFAULT.read_text().replace(old, other, 1))
    assert any(line.endswith(said) for line in strange)
    assert other in text


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_stay_and_the_last_line_need_not_be_ended(path: Path, end: str) -> None:
    own = DEFAULT.read_text().replace("\n", end)
    line = own.index("  shown:")
    _, _, text = upgraded(path, own[:line].rstrip())
    assert text.count("\n") == text.count(end) == own.count(end)
    assert yaml.safe_load(text) == yaml.safe_load(own)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no sections"),
        ("- a\n", "no sections"),
        ("train: {seed: 1, seed: 2}\n", "given twice"),
        ("train: &t {seed: 1}\nreport: *t\n", r"alias '\*t'"),
        ("train: [", "not YAML"),
        ("train: 1\n---\nb: 2\n", "not YAML"),
        ("? train\n: seed: 1\n", "its layout leaves no place"),
    ],
    ids=["empty", "list", "twice", "alias", "cut", "two documents", "explicit keys"],
)
def test_what_can_not_be_upgraded_is_refused_and_stays(path: Path, content: str, said: str) -> None:
    path.write_text(content)
    with pytest.raises(ParamsError, match=said):
        upgrade(path, DEFAULT)
    assert path.read_text() == content


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(ParamsError, match=r"params\.yaml: cannot be read"):
        upgrade(path, DEFAULT)
