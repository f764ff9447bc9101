"""`python -m flows.pipeline [--set train.epochs=2 ...]`: run what is stale, here, with each stage's live output.

A plain function; where PREFECT_API_URL is set a Prefect flow wraps it and reports to that server. Without, no server
is started and Prefect is not even imported. Dispatch to workers is `flows.dispatch`'s.
"""
import argparse
import os
import sys
from pathlib import Path
from typing import Any

from flows import overrides, staleness, supervised
from flows.locking import WorkspaceLock
from flows.mending import mend


class PipelineFailed(Exception):
    """A stage failed; its own lines were shown before. `status` is the exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def run(project: Path, parameters: dict[str, Any]) -> list[str]:
    """Set parameters in params.yaml, ask DVC once what is stale, run that; addresses of what was stale.

    PipelineFailed where a stage fails, OverrideError where a parameter can't be set.
    """
    with WorkspaceLock(project / ".runs" / "repro.lock", "flows.pipeline"):
        for line in mend(project):
            print(line)
        for change in overrides.apply(project / "params.yaml", parameters) if parameters else []:
            print(f"{change} (stays so; `git checkout params.yaml` undoes it)")
        stale = [step for step in staleness.on_files(project) if step.stale]
        if not stale:
            print("nothing is stale: every stage's outputs fit its inputs")
            return []
        print("stale: " + "; ".join(f"{step.address} ({step.stale})" for step in stale), flush=True)
        _reproduce(project)
    return [step.address for step in stale]


def _reproduce(project: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    ended = supervised.run([sys.executable, "-m", "dvc", "repro"], project, {"PATH": path})
    if ended.status:
        raise PipelineFailed("a stage failed: mend what its last lines say and run the same command again; it starts "
                             "there", ended.status)


def main(arguments: list[str]) -> int:
    """Exit status: 0, 1 (parameter), dvc's own where a stage failed, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m flows.pipeline", description="run what is stale, here")
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value", dest="parameters")
    given = parser.parse_args(arguments)
    try:
        parameters = overrides.parse(given.parameters)
        if os.environ.get("PREFECT_API_URL"):
            from flows.local_flow import pipeline  # imports Prefect, which takes seconds

            pipeline(parameters)
        else:
            run(Path.cwd(), parameters)
    except overrides.OverrideError as error:
        print(error, file=sys.stderr)
        return 1
    except PipelineFailed as failed:
        print(failed, file=sys.stderr)
        return failed.status
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where it stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
