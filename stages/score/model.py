"""The release in production as a process uses it: opened once, opened anew when another one is put there."""
from dataclasses import dataclass
from pathlib import Path

from stages.images.chain import Chain
from stages.inference import BLOCK, Net
from stages.production import Release, current

Token = tuple[str, int]
_open: dict[tuple[Path, int], tuple[Token, "InUse"]] = {}


@dataclass(frozen=True)
class InUse:
    """A release with its net open and its preprocessing."""

    release: Release
    net: Net
    chain: Chain


def in_use(production: Path, block: int = BLOCK) -> InUse:
    """The release in production now; ask once for each batch, so that a batch has one model.

    Costs a few microseconds where nothing changed. NothingInProduction, HashMismatch, InferenceError.
    """
    token = _token(production)
    known = _open.get((production, block))
    if known is None or token is None or known[0] != token:
        release = current(production)
        net = Net(release.folder, block=block)
        known = (token or ("", 0), InUse(release, net, Chain.from_dict(net.card["preprocessing"])))
        _open[production, block] = known
    return known[1]


def _token(production: Path) -> Token | None:
    """What changes when another release is put in production, or the same one under another name."""
    link = production / "current"
    try:
        return str(link.readlink()), (link / "release.json").stat().st_mtime_ns
    except OSError:
        return None
