"""The gate's verdict: gate.json, written by serving.gate; flows promote by it and keep it with production."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cxr.core.document import Count, Document, Figure

PROMOTE, KEEP = "promote", "keep"


class _GatePart(BaseModel):
    """A part of the document; keys that this code does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class GateSide(_GatePart):
    """One of the two models; only the challenger has a `variant`, and its `version` is "" before it is registered."""

    identity: str
    version: str
    batches: tuple[str, ...]
    variant: str = ""


class GateAnswer(_GatePart):
    """One question of the rule; `passed` is "n/a" where it could not be asked and does not stand in the way."""

    name: str
    passed: bool | Literal["n/a"]
    value: Any
    limit: Any
    words: str


class AurocOfPart(_GatePart):
    """Macro AUROC of both models on some studies; gate studies also have the interval of the difference."""

    studies: Count
    champion_auroc: Figure
    challenger_auroc: Figure


class GateVerdict(Document):
    """Whether the challenger may go into production, the reasons against it, and all that was measured.

    `gate` and `test` are by part, "old" and "new"; test is only reported.
    """

    verdict: Literal["promote", "keep"]
    reasons: tuple[str, ...]
    champion: GateSide
    challenger: GateSide
    checks: tuple[GateAnswer, ...]
    gate: dict[str, AurocOfPart]
    test: dict[str, AurocOfPart]
    test_explanation: dict[str, Any] = Field(default_factory=dict)
    rule: dict[str, Any] = Field(default_factory=dict)

    @property
    def promotes(self) -> bool:
        """Whether the challenger goes into production."""
        return self.verdict == PROMOTE
