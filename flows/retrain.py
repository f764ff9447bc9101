"""The retraining as a Prefect flow, deployed as `retrain/retrain`: by the drift trigger, on a schedule, or by hand.

`python -m flows.retrain` starts a run of the deployment and watches it; with `--here` everything is done in this
process, without a server.
"""
import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Any

from flows.dispatch import in_process
from flows.release import promotion, retraining
from flows.release.retraining import Case
from flows.repo import git, workspace
from flows.server import environment
from flows.support import commands, logs
from flows.support.lock import WorkspaceLock
from flows.support.settings import Settings, from_environment

logger = logging.getLogger(__name__)

DEPLOYMENT = "retrain/retrain"
_ROUNDS = 3  # times that main may move on under a run


def rounds(settings: Settings, steps: Any) -> tuple[Case, str]:
    """Look, join, pipeline, gate, promote; again on the new main where main has moved on. `steps`: who does each.

    The case as it ended, and why nothing was trained, empty where something was.
    """
    folder = settings.workspaces / f"retrain-{os.getpid()}"
    with WorkspaceLock(settings.production / "retrain.lock", "flows.retrain"):
        try:
            for turn in range(_ROUNDS):
                try:
                    return _round(folder, settings, steps)
                except promotion.MainMoved as moved:
                    if turn + 1 == _ROUNDS:
                        raise
                    logger.info(str(moved))
        finally:
            workspace.remove(folder)
    raise AssertionError("not reached")


def _round(folder: Path, settings: Settings, steps: Any) -> tuple[Case, str]:
    case: Case = steps.look(folder, settings)
    if why := retraining.why_not(case):
        return case, why
    joined = steps.join(folder, case, settings)
    case = retraining.remember(case, settings, joined=joined)
    steps.pipeline(joined, case.key, settings)
    commit, version = retraining.recorded(folder, joined)
    case = retraining.remember(case, settings, version=version, commit=commit)
    verdict = steps.judge(folder, commit, version, settings)
    return steps.settle(folder, case, commit, version, verdict, settings), ""


class Plain:
    """The steps in this process, without a server."""

    look, join = staticmethod(retraining.look), staticmethod(retraining.join)
    judge, settle = staticmethod(retraining.judge), staticmethod(retraining.settle)

    @staticmethod
    def pipeline(commit: str, key: str, settings: Settings) -> None:
        """One stage after the other."""
        in_process.reproduce(commit, settings)


def main(arguments: list[str]) -> int:
    """0 where the run ended well, whatever the verdict; 1 where it did not."""
    parser = argparse.ArgumentParser(prog="python -m flows.retrain", description=__doc__)
    parser.add_argument("--here", action="store_true", help="in this process, without a server")
    given = parser.parse_args(arguments)
    if given.here:
        return _here(environment.at_home())
    return environment.run_deployment(DEPLOYMENT, {"cause": {"by": "hand"}}, from_environment())


def _here(settings: Settings) -> int:
    logs.show_in_terminal()
    try:
        case, why = rounds(settings, Plain)
    except (retraining.NothingToBeat, commands.Refused, git.HandOverFailed, workspace.StageFailed,
            promotion.MainMoved) as error:
        print(f"retrain: {error}", file=sys.stderr)
        return 1
    print(f"retrain: {why or case.reached['outcome']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
