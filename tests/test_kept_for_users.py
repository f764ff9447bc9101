"""Names that people script against, written down here and held against the code: whoever renames one breaks a script.

A name may come in addition (add it here); one that goes, or reads otherwise, needs a release in which both are there.
"""

import ast
import csv
import json
import re
import shutil
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from cxr.imaging.statistics import NAMES
from flows.support.settings import Settings
from serving.log import labels, quarantine, scoring_log
from serving.log.records import RefusedFile, Scored
from tests.fixtures import scored_place
from tests.fixtures.kept_metrics import METRICS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("cxr", "stages", "serving", "flows", "command")
ENVIRONMENT = {
    "CXR_AUTH": "user and password of the Prefect server",
    "CXR_CACHE": "where per-image caches and checkpoints lie",
    "CXR_CALLED_FROM": "the folder that paths of the command line start at; `cxr` sets it",
    "CXR_DVC_CACHE": "the DVC cache that all workspaces of a machine share",
    "CXR_GIT": "the git remote that workspaces clone",
    "CXR_HOME": "where `make up` keeps its server, workspaces and caches",
    "CXR_HOST": "address that the Prefect server listens on",
    "CXR_INSTRUCTION_SET": "goes before machine.instruction_set of params.yaml, for measuring",
    "CXR_LOGGED": "what `cxr batch` says goes into a log that others read; flows set it",
    "CXR_PATIENCE_SECONDS": "how long a remote may be gone before a run gives up",
    "CXR_PATIENT_SALT": "salt of the patients' hashes; a secret for private data",
    "CXR_POOLS_HERE": "which work pools have a worker on this machine",
    "CXR_PORT": "port of the Prefect server",
    "CXR_PRODUCTION": "the production folder",
    "CXR_PROJECT": "the checkout whose flows run here",
    "CXR_REMOTE": "the DVC remote",
    "CXR_REPORTS_URL": "where browsers find the reports",
    "CXR_SCHEDULES": "whether schedules are live",
    "CXR_SERVE_TOKEN": "the token that clients of the endpoint must send",
    "CXR_STAGE_ATTEMPTS": "how often a stage whose machine died is given out",
    "CXR_STARTED_BY": "marks the services that `make up` started, so that `make down` finds them",
    "CXR_WORKERS": "processes and threads to use",
    "CXR_WORKSPACES": "where flows check commits out",
}
LOG_COLUMNS = [
    "image_id",
    "source",
    "scored_at",
    "model",
    "version",
    "view",
    "width",
    "height",
    "bit_depth",
    "mean",
    "std",
    "median",
    "contrast",
    "skewness",
    "black",
    "white",
    "border",
    "sharpness",
    "noise",
    "aspect",
    "features",
    "logit_Effusion",
    "probability_Effusion",
    "latency_ms",
]
QUARANTINE_COLUMNS = ["path", "sha256", "reason", "detail"]
LABEL_COLUMNS = ["image_id", "label", "value", "added_at"]
RELEASE_KEYS = {"identity", "version", "commit", "latency", "batches", "explanation"}
HISTORY_KEYS = RELEASE_KEYS | {"at", "event"}
DRIFT_KEYS = {
    "verdict",
    "reasons",
    "tests",
    "left_out",
    "estimated_auroc",
    "model",
    "version",
    "alpha",
    "least_studies",
    "reference_studies",
    "labelled",
    "window",
}
GATE_KEYS = {"verdict", "reasons", "champion", "challenger", "checks", "gate", "test", "test_explanation", "rule"}
DEPLOYMENTS = ["pipeline", "score", "monitor", "stage-cpu", "stage-gpu", "retrain", "promote", "rollback"]
EVENTS = ["cxr.drift.detected", "cxr.retrain.needs-labels"]
PROMETHEUS = {
    "cxr_requests_total",
    "cxr_images_total",
    "cxr_request_seconds_bucket",
    "cxr_request_seconds_count",
    "cxr_request_seconds_sum",
    "cxr_model_info",
    "cxr_images_waiting",
    "cxr_log_rows_waiting",
    "cxr_log_rows_lost_total",
}
STATUSES = {  # where an exit status other than 0, 1 and 2 means something: module -> the constant that holds it
    "serving/monitor/command.py": ("DRIFTED", 3),
    "serving/gate/command.py": ("STAYS", 3),
    "flows/promote.py": ("KEPT", 3),
}
FLOW_COMMANDS = [
    "repro",
    "pipeline",
    "verify",
    "submit",
    "up",
    "down",
    "retrain",
    "promote",
    "deployments.monitor",
    "deployments.score",
    "server.deploy",
]
MAKE_WORDS = {
    "help",
    "setup",
    "repro",
    "test",
    "test-full",
    "test-slow-ci",
    "lint",
    "preset",
    "add-batch",
    "remove-batch",
    "verify",
    "report",
    "clean",
    "run",
    "up",
    "down",
    "retrain",
    "promote",
    "rollback",
    "demo-drift",
}


def sources(*folders):
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_the_environment_variables_are_these():
    read = {name for path in sources(*PACKAGES) for name in re.findall(r"\bCXR_[A-Z_]*[A-Z]\b", path.read_text())}
    own = {"git_is_named"}  # of flows' settings: what is made of the variables, and no variable
    settings = {
        str(field.validation_alias or f"CXR_{name.upper()}")
        for name, field in Settings.model_fields.items()
        if name not in own
    }
    assert read | settings == set(ENVIRONMENT)


def answered():
    """One study as scoring hands it to the log."""
    one = np.ones((1, 1), np.float32)
    return Scored(
        "m" * 64,
        "v1",
        ("Effusion",),
        datetime(2026, 1, 1, tzinfo=UTC),
        (("a.png", "0" * 32, 8, 8, 8),),
        np.ones((1, len(NAMES)), np.float32),
        one,
        one,
        one.astype(np.float64),
        one[0],
    )


def test_the_scoring_log_has_these_columns_in_day_folders(tmp_path):
    scoring_log.append(tmp_path, scoring_log.table_of([answered()]))
    (part,) = tmp_path.glob("day=2026-01-01/part-*.parquet")
    assert pq.ParquetFile(part).schema_arrow.names == LOG_COLUMNS


def test_the_quarantine_of_the_scoring_log_has_these_columns(tmp_path):
    quarantine.add(tmp_path, [RefusedFile("a.png", "", "empty_file", "no bytes")])
    assert next(csv.reader((tmp_path / "quarantine.csv").open())) == QUARANTINE_COLUMNS


def test_feedback_has_these_columns(tmp_path):
    (tmp_path / "table.csv").write_text(f"image_id,Effusion\n{'0' * 32},1\n")
    scored = scoring_log.append(tmp_path / "log", scoring_log.table_of([answered()])).to_pandas()
    part, _ = labels.add(tmp_path / "feedback", tmp_path / "table.csv", scored, ["Effusion"])
    assert part.name.startswith("part-") and pq.ParquetFile(part).schema_arrow.names == LABEL_COLUMNS


def test_a_release_has_these_files_and_keys(here):
    shutil.copy(ROOT / "params.yaml", here)
    release = scored_place.release(here, "v1", 1.0)
    production = here / "production"
    assert (production / "current").readlink() == Path("releases") / release.identity[:16]
    assert sorted(path.name for path in (production / "current").iterdir()) == ["model", "release.json"]
    assert json.loads((production / "current/release.json").read_text()).keys() >= RELEASE_KEYS
    (line,) = (production / "history.jsonl").read_text().splitlines()
    assert json.loads(line).keys() >= HISTORY_KEYS and json.loads(line)["event"] == "install"


def strings(folders):
    """Every text constant of the sources, and the names given as keywords (`dict(name=...)`, a dataclass's field)."""
    nodes = [node for path in sources(*folders) for node in ast.walk(ast.parse(path.read_text()))]
    fields = (node.target for node in nodes if isinstance(node, ast.AnnAssign))
    return (
        {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        | {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
        | {field.id for field in fields if isinstance(field, ast.Name)}
    )


@pytest.mark.parametrize("stage", METRICS)
def test_metrics_have_these_keys(stage):
    """That they stand there once the pipeline ran is for tests/end_to_end/test_interfaces.py."""
    written = strings([f"stages/{stage}", "cxr"])
    assert [key for keys in METRICS[stage].values() for key in keys if key not in written] == []
    outs = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]["metrics"]
    paths = [path if isinstance(path, str) else next(iter(path)) for path in outs]
    assert set(paths) >= {f"metrics/{name}.json" for name in METRICS[stage]}


@pytest.mark.parametrize(("folder", "keys"), [("serving/monitor", DRIFT_KEYS), ("serving/gate", GATE_KEYS)])
def test_verdicts_have_these_keys(folder, keys):
    """That they stand there is for tests/serving/test_made_before_the_move.py."""
    assert keys - strings([folder]) == set()


def test_the_deployments_have_these_names():
    entries = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert [entry["name"] for entry in entries] == DEPLOYMENTS


@pytest.mark.parametrize("name", EVENTS)
def test_events_have_these_names(name):
    assert name in strings(["flows"])


def test_prometheus_finds_these_names():
    from serving.http.metrics import Metrics

    made = Metrics(lambda: 0, lambda: 0, lambda: 0)
    made.requests.labels("/score", "200").inc()
    made.images.labels("scored").inc()
    made.answered("m", "v1")
    shown = {line.split("{")[0].split(" ")[0] for line in made.text().decode().splitlines() if not line.startswith("#")}
    assert {name for name in shown if name.startswith("cxr_")} - {
        "cxr_requests_created",
        "cxr_images_created",
        "cxr_request_seconds_created",
    } == PROMETHEUS


@pytest.mark.parametrize("path", STATUSES)
def test_an_exit_status_with_a_meaning_of_its_own_stays(path):
    name, status = STATUSES[path]
    constants = {
        target.id: node.value.value
        for node in ast.parse((ROOT / path).read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert constants.get(name) == status


@pytest.mark.parametrize("name", FLOW_COMMANDS)
def test_a_command_of_flows_has_this_name(name):
    found = find_spec(f"flows.{name}")
    assert found is not None and '__name__ == "__main__"' in Path(found.origin).read_text()


def test_make_has_these_words():
    words = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text()))
    assert words == MAKE_WORDS
