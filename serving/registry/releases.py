"""What is in production on this machine: checked copies of model folders, a symbolic link to the one in use, a history.

    production/releases/<first 16 digits of the identity>/model/, release.json
    production/current -> releases/...        swapped atomically: a reader sees the old release or the new one, whole
    production/history.jsonl                  what was installed and taken back, newest last

A machine's state, so times and measured speeds may stand here; no output depends on it. Who may go in is decided by
`serving.gate` and `flows.retrain`.
"""

import contextlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cxr.core import environment
from cxr.core.errors import UserError
from cxr.core.files import atomic_folder, verify_checksums, write_json, write_text
from cxr.model import model_folder
from cxr.runtime import folder_lock
from cxr.runtime.hand_over import HistoryLine, ReleaseRecord

_INSTALL, _ROLLBACK = "install", "rollback"


class NothingInProduction(UserError):
    """No release stands in the production folder; the message names the folder and the command that puts one there."""


class NothingBefore(UserError):
    """There is no release to go back to."""


@dataclass(frozen=True)
class Release:
    """A verified model folder in production.

    `latency` is {"p50_ms", "p95_ms", "images"}, measured on this machine when it came in, or None. `batches` are the
    raw batches whose studies the model's data held: later ones are new to it. `explanation` is what
    metrics/explain.json says of its pointing game ({"score", "images", "hit_share"}), or None.
    """

    folder: Path
    identity: str
    version: str
    commit: str
    latency: dict[str, float] | None = None
    batches: tuple[str, ...] = ()
    explanation: dict[str, Any] | None = field(default=None, compare=False)

    def record(self) -> ReleaseRecord:
        """All but the folder, as it is written down."""
        return ReleaseRecord(
            identity=self.identity,
            version=self.version,
            commit=self.commit,
            latency=self.latency,
            batches=self.batches,
            explanation=self.explanation,
        )


def production_folder() -> Path:
    """The production folder: CXR_PRODUCTION, else `production` in the current folder."""
    return environment.production()


def make_folder(production: Path) -> None:
    """Make the production folder for its owner alone (0700): patients' studies lie in it. Once it has had a release its
    permissions are its owner's to choose, and stay."""
    production.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (production / "history.jsonl").exists():
        with contextlib.suppress(PermissionError):  # somebody else's, who let us write into it
            production.chmod(0o700)


def current(production: Path) -> Release:
    """The release in use, its files checked. NothingInProduction, or HashMismatch where a file is not as recorded."""
    link = production / "current"
    if not link.is_symlink():
        raise NothingInProduction(
            f"{production}: no model is in production; after `make repro` put one there: "
            "cxr production install --version VERSION"
        )
    folder = link.resolve()  # once: the link may be swapped while we read
    record = ReleaseRecord.read(folder / "release.json")
    verify_checksums(folder / "model")
    return _release(folder / "model", record)


def install(
    production: Path,
    folder: Path,
    version: str,
    commit: str,
    latency: dict[str, float] | None,
    *,
    batches: Sequence[str] = (),
    explanation: dict[str, Any] | None = None,
) -> Release:
    """Copy a model folder in and make it the one in use; the same release again changes nothing.

    HashMismatch where the folder's bytes are not as recorded: production stays as it was then. Before its first
    release the production folder is made its owner's alone (`make_folder`).
    """
    verify_checksums(folder)
    identity = model_folder.identity(folder)
    release = Release(_folder(production, identity), identity, version, commit, latency, tuple(batches), explanation)
    make_folder(production)
    with folder_lock.held(production):
        if not _sound(release.folder):
            with atomic_folder(release.folder) as part:
                shutil.copytree(folder, part, dirs_exist_ok=True)
                verify_checksums(part)
        _go(production, release, _INSTALL)
    return release


def previous(production: Path) -> Release | None:
    """The release that `rollback` would go back to; None where there is none."""
    before = _before(production)
    return _release(_folder(production, before.identity), before) if before else None


def rollback(production: Path) -> Release:
    """Make the release before the one in use the one in use. NothingBefore where there is none; HashMismatch."""
    with folder_lock.held(production):
        release = previous(production)
        if release is None:
            raise NothingBefore(f"{production}: no release before the one in use to go back to")
        verify_checksums(release.folder)
        _go(production, release, _ROLLBACK)
    return release


def history(production: Path) -> list[HistoryLine]:
    """What was installed and taken back, oldest first. UnreadableDocument names the line that does not fit."""
    path = production / "history.jsonl"
    return [
        HistoryLine.parse(json.loads(line), f"{path}, line {number}")
        for number, line in enumerate(_lines(production), 1)
    ]


def _lines(production: Path) -> list[str]:
    """The history as it stands on disk."""
    path = production / "history.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def _release(folder: Path, record: ReleaseRecord) -> Release:
    return Release(
        folder, record.identity, record.version, record.commit, record.latency, record.batches, record.explanation
    )


def _folder(production: Path, identity: str) -> Path:
    return production.resolve() / "releases" / identity[:16] / "model"


def _sound(folder: Path) -> bool:
    """Whether a copy stands there whole; a damaged one raises HashMismatch, since it may be in use."""
    if not folder.exists():
        return False
    verify_checksums(folder)
    return True


def _go(production: Path, release: Release, event: str) -> None:
    """Write the history first, then swap: a kill in between is made good by the same command again."""
    write_json(release.folder.parent / "release.json", release.record().content())
    pile = _pile(production)
    if not pile or not _same(pile[-1], release):
        at = datetime.now(UTC).isoformat(timespec="seconds")
        fresh_line = json.dumps({"at": at, "event": event, **release.record().content()}, sort_keys=True)
        write_text(production / "history.jsonl", "".join(f"{line}\n" for line in [*_lines(production), fresh_line]))
    link, target = production / "current", Path("releases") / release.identity[:16]
    if not link.is_symlink() or link.readlink() != target:
        fresh = production / ".current.part"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)


def _before(production: Path) -> HistoryLine | None:
    """Record of the release below the one in use. Where a kill came between history and swap, the one in use is not
    the top: then what stands below it counts, or, where a rollback has taken it off already, the top.
    """
    pile, in_use = _pile(production), current(production)
    at = next((i for i in reversed(range(len(pile))) if _same(pile[i], in_use)), len(pile))
    return pile[at - 1] if at else None


def _pile(production: Path) -> list[HistoryLine]:
    """Records as installs put them up and rollbacks took them off."""
    pile: list[HistoryLine] = []
    for line in history(production):
        if line.event == _ROLLBACK:
            pile = pile[:-1]
        elif not pile or (line.identity, line.version) != (pile[-1].identity, pile[-1].version):
            pile.append(line)
    return pile


def _same(line: HistoryLine, release: Release) -> bool:
    return (line.identity, line.version) == (release.identity, release.version)
