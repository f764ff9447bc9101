"""New labelled studies wait in `production/inbox/<name>/` until a retraining takes them in, each folder as a batch.

A folder counts when it is whole: copy it under a name that begins with a dot, or ends in `.part`, and rename it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr.runtime.litter import is_litter
from flows.repo.workspace import Workspace
from flows.support import commands
from flows.support.settings import Settings

INBOX, TAKEN, REFUSED = "inbox", "taken", "refused"


@dataclass(frozen=True)
class Waiting:
    """A folder in the inbox: `new` labelled images that the set does not hold yet, and the hash of its content."""

    folder: Path
    new: int
    digest: str


def waiting(workspace: Workspace) -> list[Waiting]:
    """What waits, by name, compared with the manifest in a workspace. Refused where a folder can't become a batch."""
    inbox = workspace.settings.production / INBOX
    folders = sorted(path for path in inbox.glob("*/") if not is_litter(path.name))
    looked = [commands.answer(workspace, "cxr.raw", "look", "--from", str(path)) for path in folders]
    return [Waiting(path, found["new"], found["digest"]) for path, found in zip(folders, looked, strict=True)]


def key_of(champion: str, batches: Sequence[Waiting]) -> str:
    """16 hex digits that name a retraining: the model to beat and the data that came in."""
    text = "\n".join([champion, *sorted(batch.digest for batch in batches)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def move(batches: Sequence[Waiting], settings: Settings, where: str) -> list[Path]:
    """Out of the inbox, to `production/taken` or `production/refused`; what was moved already stays where it is."""
    moved = []
    for batch in batches:
        target = settings.production / where / batch.folder.name
        if not batch.folder.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        while target.exists():
            target = target.with_name(f"{target.name}-again")
        batch.folder.rename(target)
        moved.append(target)
    return moved
