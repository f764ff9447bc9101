"""The monitor's verdict: verdict.json, written by serving.monitor; flows announce drift by it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from cxr.core.document import Count, Document, Figure

DRIFT, QUIET, TOO_FEW = "drift", "quiet", "too_few"
HEADLINES = {DRIFT: "Drift", QUIET: "No drift", TOO_FEW: "Too few studies to judge"}


class _DriftPart(BaseModel):
    """A part of the document; keys that this code does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Span(_DriftPart):
    """How many studies, and when the first and the last were scored (ISO 8601, UTC; None where there are none)."""

    studies: Count
    first: str | None
    last: str | None


class JudgedWindow(Span):
    """The window that was judged: how many of its studies have labels, and the SHA-256 over its image ids."""

    labelled: Count
    data_hash: str


class DriftTest(_DriftPart):
    """One comparison of window and reference: what `effect` is says `measure`; from `threshold` on it counts."""

    name: str
    kind: str
    measure: str
    effect: Figure
    threshold: float
    p: float
    p_adjusted: float
    drifted: bool
    reference: Figure | None
    window: Figure | None
    reference_interval: tuple[Figure, Figure] | None = None


class DriftVerdict(Document):
    """Whether what was scored is as the model's reference, why not, and every comparison that was made."""

    verdict: Literal["drift", "quiet", "too_few"]
    model: str
    version: str
    alpha: float
    least_studies: Count
    reference_studies: Count
    labelled: Span
    window: JudgedWindow
    reasons: tuple[str, ...]
    tests: tuple[DriftTest, ...]
    left_out: tuple[str, ...]
    estimated_auroc: tuple[dict[str, Any], ...] = ()

    @property
    def headline(self) -> str:
        """The verdict in a few words, for the head of a page."""
        return HEADLINES[self.verdict]
