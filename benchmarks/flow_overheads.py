"""What flows cost, as ratios in one run on the miniature project: `python -m benchmarks.flow_overheads [--dispatch]`.

1. A pipeline with nothing stale against `dvc status` (both as commands, so that both pay for Python's start).
2. A stage carried out as a worker does it (own workspace, pull, check, repro, push) against `dvc repro` of it, and
   where its time goes.
3. With --dispatch: the same through a real server and worker, a stage of no work and one of 30 s (some minutes).
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.amounts import positive
from flows.dispatch.execute import execute
from flows.repo import status
from flows.repo.workspace import Workspace
from flows.support.settings import from_environment
from tests.fixtures.flows_project import Project, an_order, git, make
from tests.fixtures.flows_team import CODE, team

STAGES = ["check", "ingest", "train", "evaluate", "explain"]
WORK = 30.0  # seconds that the stage with work takes
PARTS = {
    "open_commit": "clone of the commit",
    "on_entries": "asking DVC what the stage needs",
    "pull": "fetch and hash",
    "reproduce": "dvc repro (check and stage)",
    "push": "push",
}


def seconds(action: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def command(project: Project, *words: str) -> None:
    """A command in the checkout, quietly."""
    subprocess.run(
        [sys.executable, "-m", *words],
        cwd=project.checkout,
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(CODE)},
    )


def nothing_stale(project: Project, rounds: int) -> list[tuple[float, float]]:
    """Seconds of `dvc status` and of the pipeline with nothing to do, in turn."""
    command(project, "dvc", "repro")
    return [
        (seconds(lambda: command(project, "dvc", "status")), seconds(lambda: command(project, "flows.pipeline")))
        for _ in range(rounds)
    ]


def one_stage(project: Project, rounds: int) -> tuple[list[tuple[float, float]], dict[str, float]]:
    """Seconds of `dvc repro` of check and stage in the checkout and of the same carried out as on a worker, in turn."""
    settings, commit = from_environment(), git(project.checkout, "rev-parse", "HEAD")
    phantom = "data/raw/dvc.yaml:phantom"
    entries = {phantom: execute(an_order(phantom, commit, {}), settings)}
    with parts() as spent:
        pairs = [
            (
                seconds(lambda: command(project, "dvc", "repro", "-s", "-f", "check", "ingest")),
                seconds(lambda: execute(an_order("ingest", commit, entries), settings)),
            )
            for _ in range(rounds)
        ]
    return pairs, {name: statistics.median(taken) for name, taken in spent.items()}


@contextmanager
def parts() -> Iterator[dict[str, list[float]]]:
    """Seconds spent in each part of a worker's work, a list for each."""
    spent: dict[str, list[float]] = defaultdict(list)
    whole = {name: (status if name == "on_entries" else Workspace) for name in PARTS}
    own = {name: getattr(module, name) for name, module in whole.items()}

    def timed(name: str) -> Callable[..., Any]:
        """The function of that name, its seconds noted."""

        def call(*given: Any, **named: Any) -> Any:
            """What it would return."""
            begun = time.perf_counter()
            try:
                return own[name](*given, **named)
            finally:
                spent[name].append(time.perf_counter() - begun)

        return call

    for name, module in whole.items():
        setattr(module, name, timed(name))
    try:
        yield spent
    finally:
        for name, module in whole.items():
            setattr(module, name, own[name])


def dispatched(top: Path) -> None:
    """A run over real workers: for each stage from given out to taken, from taken to running, running; and direct."""
    project = make(top, STAGES)
    project.set(train={"epochs": 3, "fail": False, "megabytes": 0, "seconds": WORK})
    project.commit("work")
    os.environ.update(project.environment(top / "direct"))
    command(project, "dvc", "repro")
    with team(project, top) as made:
        run = made.ended(made.submit())
        print(
            f"\nwhole run: {run['total_run_time']:.1f} s; of it {WORK:.0f} s are train's own work\n"
            "stage      until a worker takes it  flow starts  carried out  together  dvc repro  ratio"
        )
        for stage in ("ingest", "train", "evaluate"):
            attempt = made.attempts(run["id"], stage)[-1]
            states = made.api("GET", f"/flow_run_states/?flow_run_id={attempt['id']}")
            at = {state["type"]: datetime.fromisoformat(state["timestamp"]) for state in states}
            times = [at[kind] for kind in ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED")]
            waits = [(end - begun).total_seconds() for begun, end in itertools.pairwise(times)]
            direct = seconds(partial(command, project, "dvc", "repro", "-s", "-f", "check", stage))
            print(
                f"{stage:10} {waits[0]:22.1f} s {waits[1]:10.1f} s {waits[2]:10.1f} s {sum(waits):7.1f} s "
                f"{direct:8.1f} s {sum(waits) / direct:6.2f}"
            )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dispatch", action="store_true")
    parser.add_argument("--rounds", type=positive, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        project = make(top, STAGES)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        os.environ.update({**project.environment(top / "machine"), "PATH": path})
        show("nothing stale: dvc status", "flows.pipeline", nothing_stale(project, given.rounds))
        pairs, spent = one_stage(project, given.rounds)
        show("a stage of no work: dvc repro", "carried out", pairs)
        for name, words in PARTS.items():
            print(f"  {words:32} {spent[name]:5.2f} s")
        if given.dispatch:
            dispatched(top / "again")


def show(base: str, other: str, pairs: list[tuple[float, float]]) -> None:
    """Medians, and the median of the ratios of neighbours."""
    ratio = statistics.median(b / a for a, b in pairs)
    print(
        f"{base} {statistics.median(a for a, _ in pairs):.2f} s, {other} "
        f"{statistics.median(b for _, b in pairs):.2f} s: {ratio:.2f}-fold",
        flush=True,
    )


if __name__ == "__main__":
    main()
