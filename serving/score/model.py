"""The release in production as a process uses it: opened once, opened anew when another one is put there."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.data.preprocessing_spec import Chain
from cxr.model.litert import BLOCK, Net
from serving.registry.releases import Release, current

Token = tuple[str, int]
_releases: dict[Path, tuple[Token, Release]] = {}
_open: dict[tuple[Path, int], "OpenRelease"] = {}


@dataclass(frozen=True)
class OpenRelease:
    """A release with its net open and its preprocessing."""

    release: Release
    net: Net
    chain: Chain


def in_use(production: Path, block: int = BLOCK) -> OpenRelease:
    """The release in production now, open; ask once for each batch, so that a batch has one model.

    Costs some microseconds where nothing changed. NothingInProduction, HashMismatch, InferenceError,
    UnreadableDocument.
    """
    release = released(production)
    known = _open.get((production, block))
    if known is None or known.release != release:
        known = _open[production, block] = opened(release, block)
    return known


def opened(release: Release, block: int = BLOCK) -> OpenRelease:
    """A release, its net run once on black images: no study pays for what is set up at the first answer."""
    net = Net(release.folder, block=block)
    net.answers(np.zeros((block, *net.card.input.sides), np.uint8))
    return OpenRelease(release, net, net.card.preprocessing)


def released(production: Path) -> Release:
    """The release in production now; its files are checked when it is new. NothingInProduction, HashMismatch."""
    token = _token(production)
    known = _releases.get(production)
    if known is None or known[0] != token:
        known = _releases[production] = (token, current(production))
    return known[1]


def _token(production: Path) -> Token:
    """What changes when another release is put in production, or the same one under another name."""
    link = production / "current"
    try:
        return str(link.readlink()), (link / "release.json").stat().st_mtime_ns
    except OSError:
        return "", 0
