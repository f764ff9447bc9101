"""What flows cost, as ratios in one run on the miniature project: `python -m benchmarks.flow_overheads [--dispatch]`.

1. A pipeline with nothing stale against `dvc status` (both as commands, so that both pay for Python's start).
2. A stage carried out as a worker does it (own workspace, pull, check, repro, push) against `dvc repro` of it.
3. With --dispatch: the same through a real server and worker, with where the time goes (some minutes).
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from flows import workspace
from flows.settings import from_environment
from flows.workspace import Order
from tests.flows_project import Project, git, make
from tests.flows_team import CODE, team

STAGES = ["check", "ingest", "train", "evaluate", "explain"]


def seconds(action: Callable[[], object], rounds: int) -> float:
    """Median of some rounds."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def nothing_stale(project: Project, rounds: int) -> tuple[float, float]:
    """Seconds of `dvc status` and of the pipeline with nothing to do, measured in turn."""
    def run(*words: str) -> None:
        subprocess.run([sys.executable, "-m", *words], cwd=project.checkout, check=True, capture_output=True,
                       env={**os.environ, "PYTHONPATH": str(CODE)})

    run("dvc", "repro")
    pairs = [(seconds(lambda: run("dvc", "status"), 1), seconds(lambda: run("flows.pipeline"), 1))
             for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def one_stage(project: Project, top: Path, rounds: int) -> tuple[float, float]:
    """Seconds of a forced `dvc repro -s` in the checkout and of the same stage carried out as on a worker."""
    settings, commit = from_environment(), git(project.checkout, "rev-parse", "HEAD")
    entry = workspace.carry_out(Order("data/raw/dvc.yaml:phantom", commit, {}, 1, "run"), settings, str)
    entries = {"data/raw/dvc.yaml:phantom": entry}
    direct = [sys.executable, "-m", "dvc", "repro", "-s", "-f", "ingest"]
    return (seconds(lambda: subprocess.run(direct, cwd=project.checkout, check=True, capture_output=True), rounds),
            seconds(lambda: workspace.carry_out(Order("ingest", commit, entries, 1, "run"), settings, str), rounds))


def dispatched(project: Project, top: Path) -> None:
    """A run over real workers: for each stage from given out to taken, from taken to running, running."""
    with team(project, top) as made:
        run = made.ended(made.submit())
        print(f"\nwhole run: {run['total_run_time']:.1f} s\nstage      waiting for the worker  starting  carried out")
        for stage in ("phantom", "ingest", "train", "evaluate", "explain"):
            attempt = made.attempts(run["id"], stage)[-1]
            states = made.api("GET", f"/flow_run_states/?flow_run_id={attempt['id']}")
            at = {state["type"]: datetime.fromisoformat(state["timestamp"]) for state in states}
            parts = [("SCHEDULED", "PENDING"), ("PENDING", "RUNNING"), ("RUNNING", "COMPLETED")]
            waits = [(at[end] - at[start]).total_seconds() for start, end in parts]
            print(f"{stage:10} {waits[0]:20.1f} s {waits[1]:7.1f} s {waits[2]:9.1f} s")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dispatch", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        project = make(top, STAGES)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        os.environ.update({**project.environment(top / "machine"), "PATH": path})
        status, pipeline = nothing_stale(project, given.rounds)
        direct, carried = one_stage(project, top, given.rounds)
        print(f"no-op: dvc status {status:.2f} s, flows.pipeline {pipeline:.2f} s: {pipeline / status:.2f}-fold")
        print(f"a stage of no work: dvc repro {direct:.2f} s, carried out {carried:.2f} s: {carried / direct:.2f}-fold")
        if given.dispatch:
            dispatched(make(top / "again", STAGES), top / "again")


if __name__ == "__main__":
    main()
