"""Has the gate judge what a recorded commit made against what is in production; keeps the verdict with production."""
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr.runtime.hand_over import GateVerdict
from flows.repo import lockfile, workspace
from flows.repo.git import git
from flows.support import commands
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

STAYS = 3
GATES = "gates"
_NEEDS = ("data/manifest.parquet", "data/merged.csv", "data/processed", "metrics/", "models/base", "models/compressed")


@dataclass(frozen=True)
class Verdict:
    """`promote` or not, the reasons against it, the folder that holds gate.json and gate.md."""

    promote: bool
    reasons: list[str]
    folder: Path

    @property
    def page(self) -> str:
        """What gate.md says: the verdict as a page of markdown for people."""
        return (self.folder / "gate.md").read_text()


def prepare(folder: Path, commit: str, settings: Settings) -> None:
    """The workspace at a recorded commit, with what the gate and production need of it pulled and checked."""
    git(folder, "checkout", "-q", "--force", "--detach", commit)
    made = [path for path in lockfile.outputs_of(folder) if path.startswith(_NEEDS)]
    workspace.pull(folder, made, settings)


def judge(folder: Path, commit: str, version: str, settings: Settings) -> Verdict:
    """Judge a prepared workspace; Refused where the two models can't be compared.

    Where the champion preprocesses otherwise, its images are made from the raw ones, which are pulled then.
    """
    champion = commands.answer(folder, settings, "serving.registry", "show", "--json")["current"]
    out = settings.production / GATES / f"{version or commit[:12]}-against-{champion['version']}"
    if _chain_of(Path(champion["folder"]) / "card.json", "preprocessing") != _chain_of(
            folder / "data" / "processed" / "chain.json"):
        logger.info("the champion preprocesses otherwise: its images are made from the raw ones")
        workspace.pull(folder, [path for path in workspace.tracked(folder) if path.startswith("data/raw/")],
                       settings)
    status, _ = commands.run(folder, settings, "serving.gate", "--out", str(out), "--version", version,
                             accept=(0, STAYS))
    verdict = Verdict(status == 0, list(GateVerdict.read(out / "gate.json").reasons), out)
    logger.info(verdict.page)
    return verdict


def _chain_of(path: Path, key: str | None = None) -> Any:
    found = json.loads(path.read_text())
    return found[key] if key else found
