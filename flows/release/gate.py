"""Has the gate judge what a recorded commit made against what is in production; keeps the verdict with production."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from cxr.runtime.hand_over import GateVerdict, InProduction
from flows.repo import status
from flows.repo.workspace import Workspace
from flows.support import commands

logger = logging.getLogger(__name__)

STAYS = 3
GATES = "gates"
_UNKNOWN_WORD = 2  # argparse's exit status


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


def prepare(workspace: Workspace, commit: str) -> None:
    """The workspace at a recorded commit, with what the gate and production need of it pulled and checked."""
    workspace.git("checkout", "-q", "--force", "--detach", commit)
    workspace.pull(_needed(workspace))


def judge(workspace: Workspace, commit: str, version: str) -> Verdict:
    """Judge a prepared workspace; Refused where the two models can't be compared."""
    shown = commands.answer(workspace, "serving.registry", "show", "--json")
    champion = InProduction.model_validate(shown).current
    out = workspace.settings.production / GATES / f"{version or commit[:12]}-against-{champion.version}"
    ended, _ = commands.run(workspace, "serving.gate", "--out", str(out), "--version", version, accept=(0, STAYS))
    verdict = Verdict(ended == 0, list(GateVerdict.read(out / "gate.json").reasons), out)
    logger.info(verdict.page)
    return verdict


def _needed(workspace: Workspace) -> list[str]:
    """What of the cached files the gate says that it reads: all of them where the commit's gate can't say it yet."""
    answered, output = commands.run(workspace, "serving.gate", "--needs", accept=(0, _UNKNOWN_WORD))
    uncached = {path for step in status.on_entries(workspace.folder) if step.uncached for path in step.outputs}
    cached = [path for path in workspace.tracked() if path not in uncached]
    if answered == _UNKNOWN_WORD:
        return cached
    needed = json.loads(output)
    return [path for path in cached if any(path == one or path.startswith(f"{one}/") for one in needed)]
