"""One retraining from end to end: look, join, pipeline, judge, settle; again on the new main where main has moved on.

Who carries out a step is for the caller to say: this process, or Prefect tasks (`flows.deployments.retrain`).
"""

import logging
import os
from typing import Protocol

from flows.dispatch import in_process
from flows.release import gate, promotion, retraining
from flows.release.retraining import Retraining
from flows.repo.workspace import Workspace, temporary
from flows.support.lock import WorkspaceLock
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

_ROUNDS = 3  # times that main may move on under a run


class Steps(Protocol):
    """The steps of a retraining; what each does is in `flows.release.retraining`."""

    def look(self, workspace: Workspace) -> Retraining:
        """What is in production and what waits."""

    def join(self, workspace: Workspace, found: Retraining) -> str:
        """Commit that holds what waits, pushed."""

    def pipeline(self, commit: str, key: str, settings: Settings) -> None:
        """Make what is stale at the commit and record it; `key` names the retraining."""

    def judge(self, workspace: Workspace, commit: str, version: str) -> gate.Verdict:
        """The gate's verdict on what was recorded."""

    def settle(
        self, workspace: Workspace, found: Retraining, commit: str, version: str, verdict: gate.Verdict
    ) -> Retraining:
        """Promote, or put the batches aside."""


class InProcessSteps:
    """The steps in this process, without a server."""

    look, join = staticmethod(retraining.look), staticmethod(retraining.join)
    judge, settle = staticmethod(retraining.judge), staticmethod(retraining.settle)

    @staticmethod
    def pipeline(commit: str, key: str, settings: Settings) -> None:
        """One stage after the other."""
        in_process.reproduce(commit, settings)


def run(settings: Settings, steps: Steps) -> tuple[Retraining, str]:
    """The retraining as it ended, and why nothing was trained, empty where something was."""
    with (
        WorkspaceLock(settings.production / "retrain.lock", "flows.retrain"),
        temporary(f"retrain-{os.getpid()}", settings) as workspace,
    ):
        for _ in range(_ROUNDS - 1):
            try:
                return _round(workspace, steps)
            except promotion.MainMoved as moved:
                logger.info(str(moved))
        return _round(workspace, steps)


def _round(workspace: Workspace, steps: Steps) -> tuple[Retraining, str]:
    found = steps.look(workspace)
    if why := retraining.why_not(found):
        return found, why
    joined = steps.join(workspace, found)
    found = retraining.remember(found, workspace.settings, joined=joined)
    steps.pipeline(joined, found.key, workspace.settings)
    commit, version = retraining.recorded(workspace, joined)
    found = retraining.remember(found, workspace.settings, version=version, commit=commit)
    verdict = steps.judge(workspace, commit, version)
    return steps.settle(workspace, found, commit, version, verdict), ""
