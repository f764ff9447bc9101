"""`python -m serving.monitor` and `python -m serving.feedback`: what they read, write, say and end with."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from cxr.model import model_folder, reference
from serving.feedback.command import main as feedback_main
from serving.log import labels as feedback
from serving.log import scoring_log
from serving.monitor.command import main
from serving.registry import releases
from tests.fixtures import drift_windows as made

START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose model is in production, with nothing scored yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CXR_PRODUCTION", raising=False)
    shutil.copy(root / "params.yaml", "params.yaml")
    model_folder.write(Path("model"), spec={}, weights=[], card=made.CARD, tflite=b"", reference=made.reference())
    releases.install(Path("production"), Path("model"), "v1", "abc", None)
    return tmp_path


def scored(
    count: int,
    seed: int,
    *,
    noise: float = 0.0,
    model: str | None = None,
    day: int = 0,
    source: str = "",
    latency: float = 4.0,
) -> list[str]:
    """Put made-up studies into the log; their ids."""
    window = made.window(seed, count)
    ids = [f"{seed:08x}{i:024x}" for i in range(count)]
    statistics = window.statistics + noise * (np.array(window.names) == "noise")
    scoring_log.append(
        Path("production/log"),
        pa.table(
            {
                "image_id": ids,
                "source": [source or f"{seed}-{i}.png" for i in range(count)],
                "scored_at": pa.array([START + timedelta(day, i) for i in range(count)], pa.timestamp("us", "UTC")),
                "model": [model or releases.current(Path("production")).identity] * count,
                "version": ["v1"] * count,
                "view": window.view.tolist(),
                "width": pa.array([256] * count, pa.int32()),
                "height": pa.array([256] * count, pa.int32()),
                "bit_depth": pa.array([8] * count, pa.int16()),
                **{name: pa.array(statistics[:, i], pa.float32()) for i, name in enumerate(window.names)},
                "features": pa.array(list(window.features), pa.list_(pa.float32())),
                **{f"logit_{n}": window.logits[:, i] for i, n in enumerate(made.LABELS)},
                **{f"probability_{n}": window.probabilities[:, i] for i, n in enumerate(made.LABELS)},
                "latency_ms": pa.array([latency] * count, pa.float32()),
            }
        ),
    )
    return ids


def verdict(number: str) -> dict:
    return json.loads(Path(f"production/drift/{number}/verdict.json").read_text())


def test_a_calm_window_ends_with_0_a_drifted_one_with_3_and_each_run_has_its_own_number(place, capsys):
    ids = scored(200, 1)
    assert main([]) == 0
    scored(200, 2, noise=1.5, day=1)
    assert main([]) == 3
    assert "noise" in capsys.readouterr().out
    calm, drifted = verdict("0001"), verdict("0002")
    assert (calm["verdict"], drifted["verdict"]) == ("quiet", "drift")
    assert drifted["reasons"] and drifted["tests"][0]["name"] == "noise" and drifted["tests"][0]["kind"] == "input"
    assert calm["window"]["studies"] == 200 and calm["window"]["first"] == "2026-11-01T00:00:00+00:00"
    assert calm["window"]["data_hash"] != drifted["window"]["data_hash"] and len(ids) == 200
    assert main(["--since", "2026-11-02"]) == 3 and verdict("0003")["window"] == drifted["window"]


def test_only_what_the_model_in_production_answered_is_looked_at(place):
    scored(120, 1)
    scored(400, 2, noise=3.0, model="f" * 64, day=1)
    assert main(["--window", "100"]) == 0
    assert verdict("0001")["window"]["studies"] == 100


def test_latency_is_held_against_what_was_taken_at_promotion_and_kept_with_the_release_not_with_the_model(place):
    scored(200, 1)
    assert main([]) == 0 and any(words.startswith("latency: none was taken") for words in verdict("0001")["left_out"])
    slow = {"p50_ms": 1000.0, "p95_ms": 2000.0, "images": 200}
    for number, latency in (("0002", slow), ("0003", {"p50_ms": 0.001, "p95_ms": 0.002, "images": 200})):
        release = releases.install(Path("production"), Path("model"), f"v{number}", "abc", latency)
        assert main([]) == (3 if number == "0003" else 0)
        tests = {test["name"]: test for test in verdict(number)["tests"] if test["kind"] == "latency"}
        assert {name: test["reference"] for name, test in tests.items()} == {
            "latency p50": latency["p50_ms"],
            "latency p95": latency["p95_ms"],
        }
        assert b"p50_ms" not in b"".join(path.read_bytes() for path in release.folder.iterdir())


def test_what_came_over_http_is_not_held_against_a_reference_that_was_taken_on_files(place):
    releases.install(Path("production"), Path("model"), "v2", "abc", {"p50_ms": 4.0, "p95_ms": 4.0, "images": 200})
    scored(200, 1, source="http", latency=60.0)
    assert main([]) == 0
    assert any(words.startswith("latency: no study was timed") for words in verdict("0001")["left_out"])
    scored(100, 2, day=1)
    assert main([]) == 0
    (median, _) = [test for test in verdict("0002")["tests"] if test["kind"] == "latency"]
    assert median["window"] == 4.0, "the hundred from files"
    scored(200, 3, latency=60.0, day=2)
    assert main([]) == 3


def test_too_few_studies_are_not_judged(place, capsys):
    assert main([]) == 0 and "too_few: 0 studies" in capsys.readouterr().out
    scored(49, 1, noise=5.0)
    assert main([]) == 0
    assert verdict("0002")["verdict"] == "too_few" and verdict("0002")["tests"] == []
    assert "Too few studies" in Path("production/drift/0002/index.html").read_text()


def test_the_report_needs_nothing_but_itself_and_shows_the_images_that_drove_it(place):
    scored(200, 2, noise=1.5)
    Path("incoming").mkdir()
    for i in range(200):
        pixels = np.random.default_rng(i).integers(0, 255, (300, 240), np.uint8)
        cv2.imwrite(f"incoming/2-{i}.png", pixels)
    Path("incoming/2-7.png").write_bytes(b"no image")
    assert main(["--images", "incoming"]) == 3
    html = Path("production/drift/0001/index.html").read_text()
    assert html.count("<img") == 12 and html.count("data:image/png;base64,") == 12
    assert "http" not in html.replace("http-equiv", "") and "<script" not in html
    assert "<svg" in html and "noise" in html


def test_a_source_that_leads_out_of_the_scored_folder_is_not_shown(place):
    from serving.monitor.pictures import thumbnail

    Path("incoming").mkdir()
    cv2.imwrite("secret.png", np.zeros((20, 20), np.uint8))
    assert thumbnail(Path("incoming"), "../secret.png") is None
    assert thumbnail(Path("incoming"), str(Path("secret.png").resolve())) is None
    assert thumbnail(Path(), "secret.png").startswith("data:image/png")


def test_labels_from_feedback_are_joined_by_study_and_a_later_table_corrects_an_earlier(place):
    scored(200, 1)
    truth = made.drawn(np.random.default_rng([1, 1]), 200)["targets"]
    rows = "\n".join(f"1-{i}.png,{truth[i, 0]},{truth[i, 1]}" for i in range(150))
    Path("table.csv").write_text(f"source,Mass,Edema\n{rows}\n")
    assert feedback_main(["add", "table.csv"]) == 0 and feedback_main(["add", "table.csv"]) == 0
    assert len(list(Path("production/feedback").iterdir())) == 1
    assert main([]) == 0
    assert verdict("0001")["window"]["labelled"] == 150
    assert {t["name"] for t in verdict("0001")["tests"] if t["kind"] == "accuracy"} == {
        "AUROC Mass",
        "AUROC Edema",
        "AUROC macro",
    }
    Path("later.csv").write_text(f"image_id,Mass\n{1:08x}{0:024x},{1 - truth[0, 0]}\n")
    assert feedback_main(["add", "later.csv"]) == 0
    known = feedback.read(Path("production/feedback"), made.LABELS)
    assert known.loc[f"{1:08x}{0:024x}", "Mass"] == 1 - truth[0, 0]
    assert known.loc[f"{1:08x}{1:024x}", "Mass"] == truth[1, 0] and known["Hernia"].isna().all()


def told(seed: int, count: int, *, shuffled: bool = False) -> None:
    """Labels come for made-up studies: true ones, or some other study's."""
    truth = made.drawn(np.random.default_rng([seed, 1]), count)["targets"]
    dealt = np.random.default_rng(0).permutation(count) if shuffled else np.arange(count)
    rows = "\n".join(f"{seed}-{i}.png,{truth[at, 0]},{truth[at, 1]}" for i, at in enumerate(dealt))
    Path(f"told-{seed}.csv").write_text(f"source,Mass,Edema\n{rows}\n")
    assert feedback_main(["add", f"told-{seed}.csv"]) == 0


def accuracy_of(number: str) -> dict[str, bool]:
    """Which comparisons of accuracy a verdict holds, and whether they say drift."""
    return {test["name"]: test["drifted"] for test in verdict(number)["tests"] if test["kind"] == "accuracy"}


def test_labels_that_come_after_others_have_arrived_are_compared_though_their_studies_have_left_the_window(place):
    scored(200, 1)
    scored(200, 2, day=1)
    assert main([]) == 0 and accuracy_of("0001") == {}
    told(1, 200, shuffled=True)
    assert main([]) == 3 and accuracy_of("0002") == {"AUROC Mass": True, "AUROC Edema": True, "AUROC macro": True}
    late = verdict("0002")
    assert late["window"]["labelled"] == 0 and late["window"]["first"].startswith("2026-11-02")
    assert late["labelled"]["studies"] == 200 and late["labelled"]["first"].startswith("2026-11-01")
    assert "last 200 that have any" in Path("production/drift/0002/index.html").read_text()
    assert main(["--since", "2026-11-02"]) == 0 and accuracy_of("0003") == {}


def test_accuracy_is_judged_on_the_latest_labelled_studies_of_the_model_in_production(place):
    scored(200, 1)
    scored(200, 2, day=1)
    told(1, 200, shuffled=True)
    told(2, 200)
    assert main([]) == 0 and verdict("0001")["labelled"]["first"].startswith("2026-11-02")
    scored(200, 3, day=2)
    assert main([]) == 0 and accuracy_of("0002"), "the latest with labels are those of the day before"
    scored(200, 4, model="f" * 64, day=3)
    told(4, 200, shuffled=True)
    assert main([]) == 0 and verdict("0003")["labelled"] == verdict("0002")["labelled"], "not another model's"
    main(["--window", "300"])
    assert verdict("0004")["labelled"]["studies"] == 300


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("source,Mass\n1-0.png,1\nother.png,1\n", "line 3: source 'other.png' was never scored"),
        ("source,Mass\n1-0.png,2\n", "line 2: Mass is '2'; 0, 1 or nothing are understood"),
        ("source,Masses\n1-0.png,1\n", "column 'Masses' is no label of the model"),
        ("name,Mass\n1-0.png,1\n", "its first line lacks the columns image_id or source"),
        ("source,Mass\n1-0.png,1\n1-0.png,0\n", "line 3: Mass is 0, but line 2 says otherwise"),
        ("source,Mass\n1-0.png,1\n2-0.png\n", "line 3: 1 cells, but the header has 2"),
        ("source,Mass\n1-0.png,\n", "no label in it"),
        ("", "is empty; it needs the columns image_id or source"),
        ("image_id,source,Mass\nx,1-0.png,1\n", "must have one of image_id and source, not both"),
        ("source;Mass\n1-0.png;1\n", "separated by semicolons, not by commas; save it as CSV, UTF-8"),
        ('source,Mass\n1-0.png,"1\n2-0.png,0\n', "line 2: a quote that opens on this line is not closed"),
    ],
)
def test_feedback_that_does_not_fit_is_refused_by_row_and_nothing_is_kept(place, capsys, table, words):
    scored(3, 1)
    Path("table.csv").write_text(table)
    assert feedback_main(["add", "table.csv"]) == 1
    assert words in capsys.readouterr().err
    assert not Path("production/feedback").exists()


def test_without_a_model_in_production_it_says_so_in_a_line(tmp_path, root, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(root / "params.yaml", "params.yaml")
    assert main(["--production", "nowhere"]) == 1
    assert "no model is in production" in capsys.readouterr().err


def test_a_model_folder_without_reference_is_refused_by_name(place, capsys):
    model_folder.write(Path("bare"), spec={}, weights=[], card=made.CARD, tflite=b"")
    releases.install(Path("production"), Path("bare"), "v2", "abc", None)
    assert main([]) == 1
    assert "reference.npz" in capsys.readouterr().err


def test_a_reference_whose_arrays_are_not_all_there_is_refused(tmp_path):
    arrays = made.reference(0, 10).arrays()
    del arrays["targets"]
    with pytest.raises(ValueError, match="lacks targets"):
        reference.Reference.from_arrays(arrays)
    same = reference.Reference.from_arrays(made.reference(0, 10).arrays())
    assert len(replace(same)) == 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--window=-5"], "--window"),
        (["--window", "0"], "--window"),
        (["--window", "49"], "49 is below monitor.least_studies (50)"),
        (["--log", "nowhere"], "nowhere: no such folder"),
        (["--images", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_what_can_not_be_meant_is_a_wrong_command_line(place, capsys, arguments, said):
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
