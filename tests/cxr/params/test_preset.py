"""Presets: what each stands for, and the command that lists, uses and makes them."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from command import preset as command
from cxr.params import ParamsError, load, preset

ROOT = Path(__file__).resolve().parents[3]
RECORDED = {path.stem: path for path in sorted((ROOT / "tests/fixtures/presets").glob("*.yaml"))}
OTHERS = [name for name in RECORDED if name != "default"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with this checkout's presets and no params.yaml; the working folder."""
    (tmp_path / "presets").mkdir()
    for name in RECORDED:
        (tmp_path / f"presets/{name}.yaml").write_bytes((ROOT / f"presets/{name}.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", RECORDED)
def test_a_preset_stands_for_exactly_the_recorded_values(name: str) -> None:
    """Whoever changes the default sees here which other presets change with it."""

    def spelt(text: str) -> str:
        return yaml.safe_dump(yaml.safe_load(text))  # 1, 1.0 and true are equal, and not the same

    assert spelt(preset.text(ROOT / f"presets/{name}.yaml")) == spelt(RECORDED[name].read_text())


def test_every_preset_that_ships_is_recorded() -> None:
    listed = subprocess.run(["git", "ls-files", "presets"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {Path(line).stem for line in listed.splitlines()} == set(RECORDED)


@pytest.mark.parametrize("name", RECORDED)
def test_a_preset_says_what_it_is_on_top(name: str) -> None:
    head = preset.text(ROOT / f"presets/{name}.yaml").split("machine:")[0]
    assert all(word in head for word in ("Source:", "Hardware:", f"make preset NAME={name}"))
    assert "../" not in head


@pytest.mark.parametrize("name", OTHERS)
def test_a_preset_is_at_most_30_lines_over_the_default(name: str) -> None:
    assert len((ROOT / f"presets/{name}.yaml").read_text().splitlines()) <= 30


def test_the_default_says_something_of_every_key() -> None:
    lines = [line for line in (ROOT / "presets/default.yaml").read_text().splitlines() if line.strip()]
    assert [line for line in lines if "# " not in line and not line.lstrip().startswith("- ")] == []


def test_params_yaml_is_the_default_to_the_byte() -> None:
    assert (ROOT / "params.yaml").read_bytes() == (ROOT / "presets/default.yaml").read_bytes()
    assert preset.text(ROOT / "presets/default.yaml").encode() == (ROOT / "params.yaml").read_bytes()


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_written_has_the_defaults_keys_and_comments_in_their_order(name: str) -> None:
    def kept(text: str) -> list[str]:
        lines = text[text.index("machine:") :].splitlines()
        own = [line for line in lines if line.strip() and not line.lstrip().startswith(("- ", "#"))]
        return [line.split(":")[0] + line[line.index("# ") :] for line in own]

    made = preset.text(ROOT / f"presets/{name}.yaml")
    assert kept(made) == kept((ROOT / "presets/default.yaml").read_text())


def test_what_a_preset_says_of_a_value_stands_below_what_the_default_says() -> None:
    made = preset.text(ROOT / "presets/nih.yaml")
    assert "severity: {age_in_range: warning}" in made
    assert "\n                                    # the 2017 table has ages of 148 to 414 years\n  prevalence:" in made


@pytest.mark.parametrize("name", RECORDED)
def test_use_writes_a_params_yaml_that_fits_and_is_the_same_a_second_time(project: Path, name: str) -> None:
    assert preset.use(name) is None
    first = (project / "params.yaml").read_bytes()
    assert load() == preset.params(project / f"presets/{name}.yaml")
    assert preset.use(name) is None
    assert (project / "params.yaml").read_bytes() == first


def test_the_default_answers_to_its_former_name_and_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["phantom"]) == 0
    assert "'phantom' is now 'default'" in capsys.readouterr().err
    assert (project / "params.yaml").read_bytes() == (ROOT / "presets/default.yaml").read_bytes()


def test_a_params_yaml_of_ones_own_is_kept_beside(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    preset.use("tiny")
    own = (project / "params.yaml").read_bytes() + b"# mine\n"
    (project / "params.yaml").write_bytes(own)
    assert command.main(["use", "nih"]) == 0
    assert "kept as params.yaml.before" in capsys.readouterr().err
    assert (project / "params.yaml.before").read_bytes() == own
    assert command.main(["use", "mnist"]) == 0  # from one preset to another: nothing to keep
    assert (project / "params.yaml.before").read_bytes() == own


def test_line_ends_of_another_system_are_no_change_of_ones_own(project: Path) -> None:
    preset.use("tiny")
    (project / "params.yaml").write_bytes((project / "params.yaml").read_bytes().replace(b"\n", b"\r\n"))
    assert preset.use("nih") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no sections in it"),
        ("- a\n", "no sections in it"),
        ("train\n", "no sections in it"),
        ("train: {epohs: 3}\n", "unknown key 'train.epohs': did you mean 'epochs'"),
        ("trian: {epochs: 3}\n", "unknown key 'trian': did you mean 'train'"),
        ("train: {epochs: 3}\ntrain: {epochs: 4}\n", "line 2: key 'train' is given twice"),
        ("train: {epochs: many}\n", "train.epochs: .*'many'"),
        ("train: null\n", "train: "),
        ("train: [1]\n", "train: "),
        ("report: {title: !!python/object/apply:os.system [true]}\n", "not YAML"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", r"line 2: alias '\*a': write the value out"),
        ("ingest: {split: {ratio: {train: 0.5}}}\n", "must be 1"),
        ("a: [", "not YAML"),
    ],
    ids=[
        "empty",
        "list",
        "word",
        "key",
        "section",
        "twice",
        "type",
        "null",
        "list section",
        "code",
        "bomb",
        "sum",
        "cut",
    ],
)
def test_a_preset_that_does_not_fit_is_refused_and_params_yaml_stays(
    project: Path, content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "presets/mine.yaml").write_text(content)
    (project / "params.yaml").write_text("# as it was\n")
    with pytest.raises(ParamsError, match=said):
        preset.use("mine")
    assert command.main(["mine"]) == 1
    assert "presets/mine.yaml" in capsys.readouterr().err
    assert (project / "params.yaml").read_text() == "# as it was\n"
    assert not (project / "params.yaml.before").exists()


def test_text_that_is_not_utf_8_is_refused(project: Path) -> None:
    (project / "presets/mine.yaml").write_bytes("train: {epochs: 3}\n".encode("utf-16"))
    with pytest.raises(ParamsError, match="not UTF-8"):
        preset.use("mine")


def test_a_preset_with_line_ends_of_another_system_or_a_mark_gives_the_same_bytes(project: Path) -> None:
    preset.use("kermany")
    expected = (project / "params.yaml").read_bytes()
    path = project / "presets/kermany.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    preset.use("kermany")
    assert (project / "params.yaml").read_bytes() == expected


def test_without_a_default_there_is_no_preset(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "presets/default.yaml").unlink()
    assert command.main(["tiny"]) == 1
    assert "presets/default.yaml: cannot be read" in capsys.readouterr().err


def test_list_names_the_presets_a_line_each(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["list"]) == 0
    assert capsys.readouterr().out.split("\n") == ["default", *OTHERS, ""]


def test_new_writes_only_what_is_other_than_the_default_and_use_brings_it_back(project: Path) -> None:
    preset.use("default")
    path = project / "params.yaml"
    text = path.read_text()
    for old, other in (
        ("epochs: 14", "epochs: 3"),
        ("net: small", "net: resnet50"),
        ("weights: null", "weights: a.h5"),
        ("severity: {}", "severity: {sex_known: info}"),
        ("learning_rate: 2.0e-3", "learning_rate: 5.0e-4"),
    ):
        text = text.replace(old, other)
    path.write_text(text)
    own, made = load(), preset.new("mine")
    assert yaml.safe_load(made.read_text()) == {
        "validate": {"severity": {"sex_known": "info"}},
        "train": {"net": "resnet50", "weights": "a.h5", "epochs": 3, "learning_rate": 5e-4},
    }
    assert made.read_text().startswith("# mine: ") and "5.0e-4" in made.read_text()
    preset.use("mine")
    assert load() == own


def test_a_null_of_ones_own_replaces_a_value(project: Path) -> None:
    (project / "presets/mine.yaml").write_text("train: {net: resnet50, weights: imagenet}\n")
    (project / "presets/none.yaml").write_text("train: {weights: null}\ningest:\n  labels:\n    - A  # one\n    - B\n")
    preset.use("mine")
    assert load().train.weights == "imagenet"
    preset.use("none")
    assert (load().train.weights, load().ingest.labels) == (None, ["A", "B"])


@pytest.mark.parametrize("name", ["kermany", "default", "phantom", "list", "../evil", "", "A"])
def test_new_refuses_a_name_that_is_taken_or_none(project: Path, name: str) -> None:
    preset.use("tiny")
    before = {path: path.read_bytes() for path in project.rglob("*.yaml")}
    assert command.main(["new", name]) == 1
    assert {path: path.read_bytes() for path in project.rglob("*.yaml")} == before


@pytest.mark.parametrize(
    ("content", "said"), [("", "the whole file"), ("- a\n", "the whole file"), ("train: {}\n", "ingest")]
)
def test_new_refuses_a_params_yaml_that_does_not_fit(project: Path, content: str, said: str) -> None:
    (project / "params.yaml").write_text(content)
    with pytest.raises(ParamsError, match=said):
        preset.new("mine")


def test_new_refuses_where_nothing_is_other(project: Path) -> None:
    preset.use("default")
    with pytest.raises(ParamsError, match="has the default's values"):
        preset.new("mine")


def test_help_says_what_it_is_and_does_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--help"]) == 0 and "upgrade" in capsys.readouterr().out
    assert command.main(["use", "--help"]) == 0 and "params.yaml.before" in capsys.readouterr().out
    assert not (project / "params.yaml").exists()


def test_upgrade_says_what_was_added_and_then_that_nothing_lacks(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset.use("tiny")
    path = project / "params.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "patience:" not in line))
    assert command.main(["upgrade"]) == 0
    assert capsys.readouterr().out == "params.yaml: 'train.patience' is added with its default\n"
    assert command.main(["upgrade"]) == 0
    assert capsys.readouterr().out == "params.yaml: no key is lacking\n"
    assert load() == preset.params(project / "presets/tiny.yaml")


def test_the_command_works_as_a_module(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "command.preset", "tiny"],
        cwd=project,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "params.yaml is now the preset 'tiny'\n", "")
