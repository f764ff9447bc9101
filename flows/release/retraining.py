"""From waiting batches to a new model in production, or to a written refusal: the steps, without Prefect in them.

What was reached stands in `production/retrain/<key>.json`, where the key names the champion and the data: the same data
against the same champion are judged once, and a run that was killed is taken up where it stopped.
"""

import json
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cxr.core.files import write_json
from flows.release import add_batches, gate, inbox, promotion
from flows.release.inbox import Waiting
from flows.repo import record
from flows.repo.git import HandOverFailed
from flows.repo.workspace import Workspace
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

STATES = "retrain"
PROMOTED, REFUSED = "promoted", "refused"


@dataclass(frozen=True)
class Champion:
    """What is in production."""

    folder: Path
    identity: str
    version: str


@dataclass(frozen=True)
class Retraining:
    """One retraining: the model to beat, what waits, and what was reached so far."""

    key: str
    champion: Champion
    batches: tuple[Waiting, ...]
    least: int  # new labelled studies that it takes
    reached: dict[str, Any] = field(default_factory=dict)

    @property
    def studies(self) -> int:
        """New labelled studies that wait."""
        return sum(batch.new for batch in self.batches)

    @property
    def enough(self) -> bool:
        """Whether they are enough to train on."""
        return self.studies >= self.least


class NothingToBeat(Exception):
    """No model is in production; the message says how to put the first one there."""


def look(workspace: Workspace) -> Retraining:
    """Open main in the workspace and see what is in production and what waits. NothingToBeat, Refused."""
    settings = workspace.settings
    in_use = promotion.current(settings)
    if in_use is None:
        raise NothingToBeat(
            f"{settings.production}: nothing is in production, so there is nothing to retrain against; "
            "put the first model there: cxr production install --version VERSION"
        )
    champion = Champion(in_use.current.folder, in_use.current.identity, in_use.current.version)
    workspace.open_main()
    known = [path for path in workspace.tracked() if path == "data/manifest.parquet"]
    workspace.pull(known)
    batches = tuple(_not_taken(inbox.waiting(workspace), champion, settings))
    key = inbox.key_of(champion.identity, batches)
    least = workspace.section("retrain")["min_new_studies"]
    return Retraining(key, champion, batches, least, reached(key, settings))


def join(workspace: Workspace, retraining: Retraining) -> str:
    """Commit that holds the batches, pushed."""
    return add_batches.join(workspace, retraining.key, retraining.batches, retraining.champion.folder)


def recorded(workspace: Workspace, commit: str) -> tuple[str, str]:
    """(commit, version) that record what the pipeline made of a joined commit. HandOverFailed where there is none."""
    workspace.fetch()
    found = record.earlier(workspace, commit)
    if found is None:
        raise HandOverFailed(f"the pipeline ended well, but no branch runs/... records commit {commit[:12]}")
    tags = workspace.git("tag", "--list", f"{record.MODEL}@v*", "--points-at", found).splitlines()
    if not tags:
        raise HandOverFailed(f"commit {found[:12]} has no gto version: run the pipeline on it again")
    return found, tags[0].partition("@")[2]


def judge(workspace: Workspace, commit: str, version: str) -> gate.Verdict:
    """The gate's verdict on a recorded commit."""
    gate.prepare(workspace, commit)
    return gate.judge(workspace, commit, version)


def settle(
    workspace: Workspace, retraining: Retraining, commit: str, version: str, verdict: gate.Verdict
) -> Retraining:
    """Promote, or put the batches aside; then write down how it ended. MainMoved where it must be made again."""
    settings = workspace.settings
    if verdict.promote:
        promotion.put_in_production(workspace, commit, version)
    outcome = PROMOTED if verdict.promote else REFUSED
    ended = remember(
        retraining,
        settings,
        outcome=outcome,
        version=version,
        commit=commit,
        reasons=verdict.reasons,
        verdict=str(verdict.folder.relative_to(settings.production)),
    )
    for path in inbox.move(retraining.batches, settings, inbox.TAKEN if verdict.promote else inbox.REFUSED):
        logger.info(f"moved to {path.relative_to(settings.production.parent)}")
    return ended


def reached(key: str, settings: Settings) -> dict[str, Any]:
    """What an earlier run with this key wrote down; empty where there was none."""
    path = settings.production / STATES / f"{key}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _not_taken(batches: list[Waiting], champion: Champion, settings: Settings) -> list[Waiting]:
    """What still waits: batches that the model in production was trained on are moved, where a kill had left them."""
    states = [json.loads(path.read_text()) for path in sorted((settings.production / STATES).glob("*.json"))]
    taken = {
        digest
        for state in states
        if state.get("outcome") == PROMOTED or state.get("version") == champion.version
        for digest in state["digests"]
    }
    for path in inbox.move([batch for batch in batches if batch.digest in taken], settings, inbox.TAKEN):
        logger.info(f"{path.name} was taken in before; moved to {inbox.TAKEN}")
    return [batch for batch in batches if batch.digest not in taken]


def remember(retraining: Retraining, settings: Settings, **more: Any) -> Retraining:
    """Write down what was reached, whole or not at all."""
    state = {
        "champion": retraining.champion.version,
        "batches": [batch.folder.name for batch in retraining.batches],
        "digests": [batch.digest for batch in retraining.batches],
        "studies": retraining.studies,
        **retraining.reached,
        **more,
    }
    write_json(settings.production / STATES / f"{retraining.key}.json", state)
    return replace(retraining, reached=state)


def why_not(retraining: Retraining) -> str:
    """Why nothing is trained, as a sentence; empty where it should be."""
    names = ", ".join(batch.folder.name for batch in retraining.batches) or "nothing"
    if not retraining.enough:
        return (
            f"{retraining.studies} new labelled studies wait, {retraining.least} are asked for "
            f"(retrain.min_new_studies): nothing is trained. In production/{inbox.INBOX}: {names}. Copy labelled "
            "studies there, each batch a folder in the set's layout; the next event, or `make retrain`, takes them "
            "in"
        )
    if outcome := retraining.reached.get("outcome"):
        return (
            f"{names}: judged already against {retraining.champion.version} and {outcome} "
            f"(production/{retraining.reached['verdict']}); new data, or another model in production, is a new "
            "case"
        )
    return ""
