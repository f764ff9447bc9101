"""What the code before the move wrote lies on people's machines: releases, log and verdicts are read as they are.

The archive and how it was made: tests/fixtures/made_before_the_move.md.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.params import ParamsError, load
from cxr.params.upgrade import upgrade
from cxr.runtime.hand_over import DriftVerdict, GateVerdict, HistoryLine, ReleaseRecord
from serving.log import labels, quarantine, scoring_log
from serving.registry import releases
from tests.fixtures.archives import unpack
from tests.serving.http.test_app import Server
from tests.test_kept_for_users import DRIFT_KEYS, GATE_KEYS, LOG_COLUMNS

ROOT = Path(__file__).resolve().parents[2]
OLDER, NEWER = "2212a6fee9434b27", "c217c92000a6ae35"  # v0.0.1 and v0.0.2, which is in use
SCORED, LABELLED, LATER = 80, 40, 8
LABELS = ["Atelectasis", "Cardiomegaly", "Effusion", "Infiltration"]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project of that time, unpacked, entered, and its params.yaml brought up to date, as the message asks."""
    unpack(ROOT / "tests/fixtures/made_before_the_move.tar.gz", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParamsError, match="cxr preset upgrade"):
        load(Path("params.yaml"))
    upgrade(Path("params.yaml"), ROOT / "presets/default.yaml")
    for name in ("CXR_PRODUCTION", "CXR_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(module: str, *arguments: str, status: int = 0) -> str:
    """What today's command prints in the project, run as users run it."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CXR_WORKERS": "1"},
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def parts() -> dict[str, bytes]:
    """The log's Parquet files."""
    return {str(path): path.read_bytes() for path in Path("production/log").glob("day=*/*.parquet")}


def test_the_release_of_that_time_is_in_use_and_listed(old):
    assert releases.current(Path("production")).identity[:16] == NEWER
    shown = run("serving.registry", "show")
    assert f"in production: v0.0.2 ({NEWER})" in shown and f"before it: v0.0.1 ({OLDER})" in shown
    assert shown.count(" install ") == 2
    told = json.loads(run("serving.registry", "show", "--json"))
    assert [told[which]["commit"] for which in ("current", "previous")] == ["2" * 40, "1" * 40]


def test_its_records_and_verdicts_are_still_readable(old):
    drift = DriftVerdict.read(Path("production/drift/0001/verdict.json"))
    gate = GateVerdict.read(Path("production/gates/v0.0.3/gate.json"))
    assert (drift.verdict, drift.version, drift.window.studies) == ("quiet", "v0.0.2", SCORED)
    assert not gate.promotes and len(gate.reasons) == 5 and gate.champion.version == "v0.0.2"
    assert ReleaseRecord.read(Path("production/current/release.json")).version == "v0.0.2"
    lines = [
        HistoryLine.parse(json.loads(line), "history.jsonl")
        for line in Path("production/history.jsonl").read_text().splitlines()
    ]
    assert [(line.event, line.version) for line in lines] == [("install", "v0.0.1"), ("install", "v0.0.2")]


def test_its_log_and_labels_are_read_whole(old):
    log = scoring_log.read(Path("production/log"))
    assert len(log) == SCORED and set(log["version"]) == {"v0.0.2"}
    plain, of_log = (
        [name for name in names if not name.startswith(("logit_", "probability_"))]
        for names in (LOG_COLUMNS, log.columns)
    )
    assert of_log == plain
    known = labels.read(Path("production/feedback"), LABELS)
    assert known.shape == (LABELLED, len(LABELS)) and not known.isna().any().any()
    assert [row["reason"] for row in quarantine.read(Path("production/log"))] == ["mislabelled"]


def test_scoring_goes_on_in_the_old_log_and_nothing_stands_twice(old):
    before, table = parts(), scoring_log.read(Path("production/log"))
    shutil.copytree("later", "production/incoming", dirs_exist_ok=True)
    counts = json.loads(run("serving.score", "--json"))
    assert {name: counts[name] for name in ("seen", "scored", "already", "quarantined")} == {
        "seen": 30 + LATER + 1,
        "scored": LATER,
        "already": 30,
        "quarantined": 1,
    }
    assert before.items() <= parts().items(), "old parts stay as they were"
    after = scoring_log.read(Path("production/log"))
    assert len(after) == SCORED + LATER and not after.duplicated(["image_id", "model"]).any()
    assert list(after.columns) == list(table.columns) and after.head(SCORED).equals(table)
    assert json.loads(run("serving.score", "--json"))["scored"] == 0
    assert [row["path"] for row in quarantine.read(Path("production/log"))] == ["broken.png"]


def test_it_is_served_and_what_was_scored_then_is_answered_and_never_doubled(old):
    server = Server(old)
    try:
        answers = [
            server.ask("/score", path.read_bytes(), content_type="image/png")
            for path in (next(Path("production/incoming").glob("0*.png")), next(Path("later").glob("*.png")))
        ]
    finally:
        server.end()
    assert [status for status, *_ in answers] == [200, 200]
    assert [json.loads(body)["version"] for *_, body in answers] == ["v0.0.2"] * 2
    log = scoring_log.read(Path("production/log"))
    assert len(log) == SCORED + 1 and not log.duplicated(["image_id", "model"]).any()
    assert list(log["source"])[-1] == "http"


def test_it_predicts_what_it_gave_then(old):
    images = sorted(map(str, Path("production/incoming").glob("0*.png")))[:3]
    results = json.loads(run("serving.predict", "production/current/model", *images, "--json"))
    log = scoring_log.read(Path("production/log")).set_index("source")
    for image, result in zip(images, results, strict=True):
        given = {found["label"]: found["probability"] for found in result["findings"]}
        logged = {label: log.loc[Path(image).name, f"probability_{label}"] for label in LABELS}
        assert given == pytest.approx(logged, abs=1e-5)


def test_the_monitor_judges_it_as_then(old):
    run("serving.monitor")
    then, now = (json.loads(Path(f"production/drift/{number}/verdict.json").read_text()) for number in ("0001", "0002"))
    assert then.keys() == DRIFT_KEYS <= now.keys()
    assert {key: now[key] for key in then} == then


def test_it_is_champion_in_the_gate_against_what_that_project_made(old):
    shown = run("serving.gate", "--out", "again", "--version", "v0.0.3", status=3)
    then, now = (json.loads(Path(f"{folder}/gate.json").read_text()) for folder in ("production/gates/v0.0.3", "again"))
    assert then.keys() == GATE_KEYS <= now.keys() and "v0.0.2" in shown
    same = [key for key in then if key not in ("checks", "reasons")]
    assert {key: now[key] for key in same} == {key: then[key] for key in same}
    timed = [[check for check in verdict["checks"] if check["name"] != "latency"] for verdict in (then, now)]
    assert timed[0] == timed[1]


def test_rollback_goes_to_the_older_release_and_an_install_back(old):
    kept = Path("production/releases") / NEWER / "model"
    assert json.loads(run("serving.registry", "rollback", "--to-be"))["version"] == "v0.0.1"
    run("serving.registry", "rollback")
    assert releases.current(Path("production")).identity[:16] == OLDER
    releases.install(Path("production"), kept, "v0.0.2", "2" * 40, None, batches=["batch-001"])
    assert releases.current(Path("production")).identity[:16] == NEWER
    assert "v0.0.2" in run("serving.registry", "show").splitlines()[0]
    events = [json.loads(line)["event"] for line in Path("production/history.jsonl").read_text().splitlines()]
    assert events == ["install", "install", "rollback", "install"]
