"""What flows log inside a Prefect run: lines to the run's log, progress bars to an artifact for each stage."""

import logging
from typing import Any

import pytest

from flows.deployments import run_log


def test_lines_go_to_the_run_and_bars_to_an_artifact_for_each_stage(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[Any] = []
    caplog.set_level(logging.INFO, "a-run")
    monkeypatch.setattr(run_log, "get_run_logger", lambda: logging.getLogger("a-run"))
    monkeypatch.setattr(
        run_log,
        "create_progress_artifact",
        lambda percent, key, description: made.append((key, percent, description)) or len(made),
    )
    monkeypatch.setattr(
        run_log,
        "update_progress_artifact",
        lambda artifact, percent, description: made.append((artifact, percent, description)),
    )
    log = run_log.show_in_run("stage")
    for line in (
        "Running stage 'train':",
        "epoch 1: 50%|## |",
        "epoch 1: 51%|## |",
        "Running stage 'data/raw/dvc.yaml:phantom':",
        "images: 100%|####|",
        "made, all of 100 %",
    ):
        logging.getLogger("flows.repo.workspace").info(line)
    log.finished()
    assert made == [
        ("progress-train", 50.0, "epoch 1"),
        (1, 100.0, "done"),
        ("progress-phantom", 100.0, "images"),
        (3, 100.0, "done"),
    ]
    assert caplog.messages == [
        "Running stage 'train':",
        "Running stage 'data/raw/dvc.yaml:phantom':",
        "made, all of 100 %",
    ]
