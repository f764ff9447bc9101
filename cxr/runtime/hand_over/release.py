"""A release: written by serving.registry (release.json, each line of history.jsonl, `show --json`), read by flows."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from cxr.core.document import Document


class ReleaseRecord(Document):
    """What must be known of a model in production.

    `identity` is the SHA-256 of the model folder's SHA256SUMS, `commit` the git commit that records it, `latency`
    {"p50_ms", "p95_ms", "images"} measured on this machine or None, `batches` the raw batches in the model's data,
    `explanation` the pointing game's figures or None. Files of format 0 lack the number and nothing else.
    """

    identity: str
    version: str
    commit: str
    latency: dict[str, float] | None = None
    batches: tuple[str, ...] = ()
    explanation: dict[str, Any] | None = None


class HistoryLine(ReleaseRecord):
    """A line of history.jsonl: `at` is an ISO 8601 moment in UTC, `event` is "install" or "rollback"."""

    at: str
    event: str


class ReleaseInPlace(ReleaseRecord):
    """A release with the absolute folder of its model."""

    folder: Path


class InProduction(BaseModel):
    """The answer of `cxr production show --json`: the release in use, and the one to roll back to."""

    model_config = ConfigDict(frozen=True)
    current: ReleaseInPlace
    previous: ReleaseInPlace | None = None
