"""SIGKILL at any moment loses nothing: the same command again ends with the bytes of a run that was never killed."""
import json
import os
import random
import signal
import sys
import time

import pytest

from flows import promises
from flows.lockfile import differences

from .workspace import Workspace, group_members, kill_group

STAGES = ("phantom", "ingest", "validate", "preprocess", "train", "compress", "evaluate", "explain", "report")
QUICK = [("preprocess", 0.3), ("train", "kept"), ("train", None)]  # a checkpoint is there; None: is being written


def long_plan(seed=2026):
    """20 kills: every stage at least once, training at least six times, twice while a checkpoint is written."""
    random.seed(seed)
    kills = [(stage, random.uniform(0.0, 4.0)) for stage in STAGES]
    kills += [("train", random.uniform(0.0, 14.0)) for _ in range(5)]
    kills += [("train", None)] * 2 + [(random.choice(STAGES), random.uniform(0.0, 8.0)) for _ in range(4)]
    return sorted(kills, key=lambda kill: STAGES.index(kill[0]))


def wait_for_stage(workspace, child, stage):
    """True when the stage's process runs, False when the run ended before."""
    while child.poll() is None:
        if any(f"-m stages.{stage}" in command for _, command in group_members(child.pid)):
            return True
        time.sleep(0.02)
    return False


def wait_for_checkpoint_being_written(workspace, child):
    """True as soon as a checkpoint's temporary file is there."""
    folder = workspace.folder / ".cache" / "checkpoints"
    while child.poll() is None:
        if next(folder.glob("train-*/.*.part"), None):
            return True
    return False


def wait_for_checkpoint(workspace, child):
    """True as soon as a whole checkpoint is there."""
    folder = workspace.folder / ".cache" / "checkpoints"
    while child.poll() is None:
        if next(folder.glob("train-*/step-*.ckpt"), None):
            return True
        time.sleep(0.02)
    return False


def kill_once(workspace, stage, delay):
    """Start, kill at the moment asked for; True where it was hit."""
    child = workspace.start()
    hit = wait_for_stage(workspace, child, stage)
    if hit and delay is None:
        hit = wait_for_checkpoint_being_written(workspace, child)
    elif hit and delay == "kept":
        hit = wait_for_checkpoint(workspace, child)
    elif hit:
        end = time.monotonic() + delay
        while time.monotonic() < end and child.poll() is None:
            time.sleep(0.02)
    if child.poll() is not None:
        return False
    kill_group(child)
    return hit


def killed(tmp_path, plan):
    """A workspace in which the plan's kills happened, then the same command once more; with the hits."""
    workspace = Workspace(tmp_path / "w")
    hits = [stage for stage, delay in plan if kill_once(workspace, stage, delay)]
    workspace.repro()
    return workspace, hits


def test_three_kills_change_no_byte_and_training_goes_on_from_its_checkpoint(unhurt, tmp_path):
    workspace, hits = killed(tmp_path, QUICK)
    assert len(hits) == 3
    assert differences(unhurt.outputs(), workspace.outputs()) == []
    assert json.loads((workspace.folder / ".runs/train.json").read_text())["resumed_from_step"] > 0


@pytest.mark.slow
def test_twenty_kills_over_every_stage_change_no_byte(unhurt, tmp_path):
    plan = long_plan()
    workspace, hits = killed(tmp_path, plan)
    print(f"{len(hits)} of {len(plan)} kills hit their stage: {hits}")
    assert set(hits) == set(STAGES)
    assert hits.count("train") >= 6
    assert len(hits) >= 18
    assert differences(unhurt.outputs(), workspace.outputs()) == []


@pytest.mark.slow
def test_three_kills_over_the_default_change_no_byte(tmp_path):
    whole = Workspace(tmp_path / "whole", "phantom")
    whole.repro()
    assert promises.faults(json.loads((whole.folder / "metrics/evaluate.json").read_text())) == []
    cut = Workspace(tmp_path / "cut", "phantom")
    hits = [kill_once(cut, stage, delay) for stage, delay in (("preprocess", 2.0), ("train", 40.0), ("compress", 30.0))]
    assert all(hits)
    cut.repro()
    assert differences(whole.outputs(), cut.outputs()) == []


@pytest.mark.parametrize("stage", ["train", "preprocess"])
def test_an_interrupt_ends_a_stage_within_seconds_and_says_how_to_go_on(unhurt, tmp_path, stage):
    workspace = Workspace(tmp_path / "w")
    child = workspace.start()
    assert wait_for_stage(workspace, child, stage)
    time.sleep(7.0 if stage == "train" else 1.5)
    os.killpg(child.pid, signal.SIGINT)
    child.wait(timeout=15)
    assert group_members(child.pid) == []
    if child.returncode:  # the stage may have been done just before
        assert "the same command goes on where it stopped" in workspace.log()


@pytest.mark.parametrize("who", ["dvc", "supervisor"])
def test_killing_one_of_them_alone_leaves_no_stage_writing(tmp_path, who):
    workspace = Workspace(tmp_path / "w")
    workspace.run("sh", "-c", f"setsid {sys.executable} -m flows.repro >.repro.log 2>&1 & echo $! > .pid")
    group = int((workspace.folder / ".pid").read_text())
    assert _wait(lambda: _pid(group, "-m stages.train"))
    os.kill(_pid(group, "-m dvc repro") if who == "dvc" else _pid(group, "-m flows.repro"), signal.SIGKILL)
    assert _wait(lambda: not _pid(group, "-m stages."), 10)
    assert _wait(lambda: group_members(group) == [], 20)


def _pid(group, text):
    return next((pid for pid, command in group_members(group) if text in command), None)


def _wait(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
