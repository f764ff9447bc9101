"""From waiting batches to a new model in production, or to a written refusal: the steps, without Prefect in them.

What was reached stands in `production/retrain/<key>.json`, where the key names the champion and the data: the same data
against the same champion are judged once, and a run that was killed is taken up where it stopped.
"""
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cxr.core.files import write_json
from flows.release import add_batches, gate, inbox, promotion
from flows.release.inbox import Waiting
from flows.repo import record, workspace
from flows.repo.git import HandOverFailed, git
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

Pipeline = Callable[[str, str], None]  # (commit, key): make what is stale at the commit and record it
STATES = "retrain"
PROMOTED, REFUSED = "promoted", "refused"


@dataclass(frozen=True)
class Champion:
    """What is in production."""

    folder: Path
    identity: str
    version: str


@dataclass(frozen=True)
class Case:
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


def look(folder: Path, settings: Settings) -> Case:
    """Open main in the workspace and see what is in production and what waits. NothingToBeat, Refused."""
    in_use = promotion.current(settings)
    if in_use is None:
        raise NothingToBeat(f"{settings.production}: nothing is in production, so there is nothing to retrain against; "
                            "put the first model there: make promote VERSION=v0.0.1")
    champion = Champion(in_use.current.folder, in_use.current.identity, in_use.current.version)
    add_batches.open_main(folder, settings)
    known = [path for path in workspace.tracked(folder) if path == "data/manifest.parquet"]
    workspace.pull(folder, known, settings)
    batches = tuple(_not_taken(inbox.waiting(folder, settings), champion, settings))
    key = inbox.key_of(champion.identity, batches)
    least = add_batches.section(folder, "retrain")["min_new_studies"]
    return Case(key, champion, batches, least, reached(key, settings))


def join(folder: Path, case: Case, settings: Settings) -> str:
    """Commit that holds the batches, pushed."""
    return add_batches.join(folder, case.key, case.batches, case.champion.folder, settings)


def recorded(folder: Path, commit: str) -> tuple[str, str]:
    """(commit, version) that record what the pipeline made of a joined commit. HandOverFailed where there is none."""
    add_batches.main_of(folder)
    found = record.earlier(folder, commit)
    if found is None:
        raise HandOverFailed(f"the pipeline ended well, but no branch runs/... records commit {commit[:12]}")
    tags = git(folder, "tag", "--list", f"{record.MODEL}@v*", "--points-at", found).splitlines()
    if not tags:
        raise HandOverFailed(f"commit {found[:12]} has no gto version: run the pipeline on it again")
    return found, tags[0].partition("@")[2]


def judge(folder: Path, commit: str, version: str, settings: Settings) -> gate.Verdict:
    """The gate's verdict on a recorded commit."""
    gate.prepare(folder, commit, settings)
    return gate.judge(folder, commit, version, settings)


def settle(folder: Path, case: Case, commit: str, version: str, verdict: gate.Verdict, settings: Settings
           ) -> Case:
    """Promote, or put the batches aside; then write down how it ended. MainMoved where it must be made again."""
    if verdict.promote:
        promotion.promote(folder, commit, version, settings)
    outcome = PROMOTED if verdict.promote else REFUSED
    ended = remember(case, settings, outcome=outcome, version=version, commit=commit, reasons=verdict.reasons,
                     verdict=str(verdict.folder.relative_to(settings.production)))
    for path in inbox.move(case.batches, settings, inbox.TAKEN if verdict.promote else inbox.REFUSED):
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
    taken = {digest for state in states if state.get("outcome") == PROMOTED or state.get("version") == champion.version
             for digest in state["digests"]}
    for path in inbox.move([batch for batch in batches if batch.digest in taken], settings, inbox.TAKEN):
        logger.info(f"{path.name} was taken in before; moved to {inbox.TAKEN}")
    return [batch for batch in batches if batch.digest not in taken]


def remember(case: Case, settings: Settings, **more: Any) -> Case:
    """Write down what was reached, whole or not at all."""
    state = {"champion": case.champion.version, "batches": [batch.folder.name for batch in case.batches],
             "digests": [batch.digest for batch in case.batches], "studies": case.studies, **case.reached, **more}
    path = settings.production / STATES / f"{case.key}.json"
    write_json(path, state)
    return replace(case, reached=state)


def why_not(case: Case) -> str:
    """Why nothing is trained, in words; empty where it should be."""
    names = ", ".join(batch.folder.name for batch in case.batches) or "nothing"
    if not case.enough:
        return (f"{case.studies} new labelled studies wait, {case.least} are asked for (retrain.min_new_studies): "
                f"nothing is trained. In production/{inbox.INBOX}: {names}. Copy labelled studies there, each batch a "
                "folder in the set's layout; the next event, or `make retrain`, takes them in")
    if case.reached.get("outcome"):
        return (f"{names}: judged already against {case.champion.version} and {case.reached['outcome']} "
                f"(production/{case.reached['verdict']}); new data, or another model in production, is a new case")
    return ""
