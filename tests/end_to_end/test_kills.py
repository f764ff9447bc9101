"""SIGKILL at any moment loses nothing: the same command again ends with the bytes of a run that was never killed."""

import itertools
import json
import os
import random
import signal
import sys
import time

import pytest

from flows.repo.lockfile import differences
from stages.evaluate import acceptance
from tests.fixtures.workspace import STAGES, Workspace, group_members, kill_group, running_stage, stage_seconds

CHECKPOINT, WRITING = "checkpoint", "writing"  # moments of train: a checkpoint is there; one is being written
QUICK = [("preprocess", 0.5), ("train", CHECKPOINT), ("train", WRITING)]
LAST = 0.8  # of a stage's time: what a kill at a later moment hits may be the next stage


def long_plan(seed=2026):
    """20 kills: every stage at least once, training at least six times, twice while a checkpoint is written.

    A moment is a fraction of the processor time that is left of the stage's own, as a run measured it that nothing
    killed. Writing comes first: each kill leaves less to train.
    """
    chance = random.Random(seed)
    kills = [("train", WRITING)] * 2 + [(stage, chance.uniform(0.0, LAST)) for stage in (*STAGES, *["train"] * 5)]
    kills += [(chance.choice(STAGES), chance.uniform(0.0, LAST)) for _ in range(4)]
    return sorted(kills, key=lambda kill: STAGES.index(kill[0]))


def at_random(whole, kills, seed=2026):
    """Kills at random moments of a whole run's stages, evenly over its processor time: (stage, fraction of it)."""
    chance, total = random.Random(seed), sum(whole.processor_seconds.values())
    plan = []
    for moment in sorted(chance.uniform(0.0, total) for _ in range(kills)):
        for stage, seconds in sorted(whole.processor_seconds.items(), key=lambda item: STAGES.index(item[0])):
            if moment < seconds:
                plan.append((stage, LAST * moment / seconds))
                break
            moment -= seconds
    return plan


def wait_for_stage(child, stage):
    """Wait until the stage's process runs; False where the run ended before."""
    while child.poll() is None:
        if running_stage(child) == stage:
            return True
        time.sleep(0.02)
    return False


def time_left(workspace, whole, stage):
    """Processor seconds that the stage will take: less where training goes on from a checkpoint."""
    seconds = whole.processor_seconds[stage]
    if stage != "train":
        return seconds
    steps = max((int(path.stem[5:]) for path in workspace.checkpoints()), default=0)
    all_steps = max(int(path.stem[5:]) for path in whole.checkpoints())
    return seconds - (seconds - whole.to_first_checkpoint) * steps / all_steps


def kill_once(workspace, whole, stage, moment):
    """Start, kill at the moment; the stage that was running when it was killed, None where none was."""
    before, seconds = workspace.checkpoints(), time_left(workspace, whole, stage)
    child = workspace.start(slow_disk=moment == WRITING)
    if not wait_for_stage(child, stage):
        return None
    if moment == WRITING:
        return stage if killed_while_writing(workspace, child) else None
    while child.poll() is None and running_stage(child) == stage:
        if workspace.checkpoints() - before if moment == CHECKPOINT else stage_seconds(child) >= moment * seconds:
            break
        time.sleep(0.02)
    hit = running_stage(child) if child.poll() is None else None
    kill_group(child)
    return hit


def killed_while_writing(workspace, child):
    """Kill with a checkpoint half-written: stopped as soon as its temporary file appears, killed if it is still there.

    It is there for half a second: the run was started on a slow disk. What an earlier kill left is not taken for it;
    what this one left stays. False where the training ended before: then the run is killed behind it.
    """
    old = workspace.checkpoints(".*.part")
    for turn in itertools.count():
        if turn % 20 == 0 and running_stage(child) != "train":
            break
        if not workspace.checkpoints(".*.part") - old:
            time.sleep(0.005)
            continue
        os.killpg(child.pid, signal.SIGSTOP)
        time.sleep(0.05)  # a write in the kernel ends first
        if workspace.checkpoints(".*.part") - old:
            kill_group(child)
            assert workspace.checkpoints(".*.part") - old
            return True
        os.killpg(child.pid, signal.SIGCONT)
    if child.poll() is None:
        kill_group(child)
    return False


def killed(workspace, whole, plan):
    """A workspace in which the plan's kills happened, then the same command once more; with the stages hit."""
    hits = [kill_once(workspace, whole, stage, moment) for stage, moment in plan]
    workspace.repro()
    return workspace, [stage for stage in hits if stage]


def test_three_kills_change_no_byte_and_training_goes_on_from_its_checkpoint(unhurt, tmp_path):
    workspace, hits = killed(Workspace.copy_of(unhurt, tmp_path / "w", ("preprocess", "train")), unhurt, QUICK)
    assert hits == [stage for stage, _ in QUICK]
    assert differences(unhurt.outputs(), workspace.outputs()) == []
    assert json.loads((workspace.folder / ".runs/train.json").read_text())["resumed_from_step"] > 0


@pytest.mark.slow
def test_twenty_kills_over_every_stage_change_no_byte(unhurt, tmp_path):
    plan = long_plan()
    workspace, hits = killed(Workspace(tmp_path / "w"), unhurt, plan)
    print(f"{len(hits)} of {len(plan)} kills hit a running stage: {hits}")
    assert set(hits) == set(STAGES)
    assert hits.count("train") >= 6
    assert len(hits) >= 18
    assert differences(unhurt.outputs(), workspace.outputs()) == []


@pytest.mark.slow
def test_three_kills_over_the_default_change_no_byte(tmp_path):
    whole = Workspace(tmp_path / "whole", "default")
    whole.timed_repro()
    assert acceptance.faults(json.loads((whole.folder / "metrics/evaluate.json").read_text())) == []
    plan = at_random(whole, 3)
    cut, hits = killed(Workspace(tmp_path / "w", "default"), whole, plan)
    print(f"of {plan} hit {hits}")
    assert len(hits) == 3
    assert differences(whole.outputs(), cut.outputs()) == []


@pytest.mark.parametrize("stage", ["train", pytest.param("preprocess", marks=pytest.mark.slow)])
def test_an_interrupt_ends_a_stage_within_seconds_and_says_how_to_go_on(unhurt, tmp_path, stage):
    workspace = Workspace.copy_of(unhurt, tmp_path / "w", (stage,))
    child = workspace.start()
    assert wait_for_stage(child, stage)
    while stage_seconds(child) < 0.6 * unhurt.processor_seconds[stage] and running_stage(child) == stage:
        time.sleep(0.05)
    interrupted, used = running_stage(child) == stage, stage_seconds(child)
    os.killpg(child.pid, signal.SIGINT)
    end = time.monotonic() + 120.0
    while child.poll() is None:
        assert stage_seconds(child) - used < 15.0, "of processor time, which a busy machine does not stretch"
        assert time.monotonic() < end
        time.sleep(0.05)
    assert _wait(lambda: group_members(child.pid) == [], 20)  # nothing ends in no time
    if child.returncode:  # the stage may have been done just before
        assert "the same command goes on where it stopped" in workspace.log()
    assert child.returncode or not interrupted
    workspace.repro()
    assert differences(unhurt.outputs(), workspace.outputs()) == []


@pytest.mark.parametrize("who", ["dvc", "supervisor"])
def test_killing_one_of_them_alone_leaves_no_stage_writing(unhurt, tmp_path, who):
    workspace = Workspace.copy_of(unhurt, tmp_path / "w", ("train",))
    workspace.run("sh", "-c", f"setsid {sys.executable} -m flows.repro >.repro.log 2>&1 & echo $! > .pid")
    group = int((workspace.folder / ".pid").read_text())
    assert _wait(lambda: _pid(group, "-m stages.train"), 600)
    os.kill(_pid(group, "dvc_repro.py repro") if who == "dvc" else _pid(group, "-m flows.repro"), signal.SIGKILL)
    assert _wait(lambda: not _pid(group, "-m stages."), 60)
    assert not (workspace.folder / "metrics/train.json").exists(), "it did not just come to its end"
    assert _wait(lambda: group_members(group) == [], 60)


def _pid(group, text):
    return next((pid for pid, command in group_members(group) if text in command), None)


def _wait(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
