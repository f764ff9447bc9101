"""The model card, card.json: written by who makes a model, read by who evaluates, explains, reports or serves it.

Everything in it was computed on train or validation; figures on test are not here.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from cxr.core.document import Count, Document, Figure
from cxr.data.preprocessing_spec import Chain


def _chain(value: Any) -> Chain:
    """A chain, or the mapping that one was written as; ValueError says what does not fit."""
    if isinstance(value, Chain):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"must be the chain's parameters by name (got {value!r})")
    try:
        return Chain.from_dict(value)
    except (TypeError, ValueError) as error:
        raise ValueError(str(error).removeprefix("preprocessing: ")) from error


class CardPart(BaseModel):
    """A part of the card; keys that this code does not know are kept, a value of another type is refused."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class ImageShape(CardPart):
    """Height and width in pixels, and 1 (grey) or 3 (RGB) channels, of the uint8 images that the net takes."""

    height: int
    width: int
    channels: int

    @property
    def sides(self) -> tuple[int, int, int]:
        """(height, width, channels), an array's shape."""
        return self.height, self.width, self.channels


class PlattScaling(CardPart):
    """p = 1 / (1 + exp(-(a z + b))), `a` and `b` for each label; `fitted`: where there were enough cases for a."""

    method: Literal["platt"]
    a: list[float]
    b: list[float]
    fitted: list[bool]


class TemperatureScaling(CardPart):
    """Softmax of z / temperature, for exclusive classes."""

    method: Literal["temperature"]
    temperature: float


Calibration = Annotated[PlattScaling | TemperatureScaling, Field(discriminator="method")]


class OperatingPoint(CardPart):
    """A label is called positive from `threshold` on; the other two hold on validation, "n/a" without both classes."""

    threshold: float
    sensitivity: Figure
    specificity: Figure


class ValidationFigures(CardPart):
    """AUROC of macro, worst and each label on so many images of so many patients."""

    auroc: dict[str, Figure]
    images: Count
    patients: Count


class SplitRecord(CardPart):
    """The rule that split the studies, and a SHA-256 over who is in which part."""

    rule: dict[str, Any]
    hash: str


class NetCard(Document):
    """What it takes to run a net: known before anything was computed from its answers.

    `output`: what the net's first output is; "probabilities" are turned back into logits.
    """

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    KEY: ClassVar[str] = "schema"
    labels: list[str]
    task: str
    input: ImageShape
    output: Literal["logits", "probabilities"] = "logits"


class ModelCard(NetCard):
    """The whole card of a model folder.

    `parent`: identity of the model it was made from, None for random or ImageNet weights. `negative`: name of the class
    without finding in a multiclass set. `data_hash`: SHA-256 of the processed data's checksums. `public`: whether files
    of that set may be named; written where they may not.
    """

    name: str
    set: str
    public: bool = True
    negative: str | None
    preprocessing: Annotated[Chain, BeforeValidator(_chain), PlainSerializer(Chain.to_dict)]
    split: SplitRecord
    data_hash: str
    code_version: str
    parent: str | None
    sparsity: Figure
    intended_use: str
    limits: str
    calibration: Calibration
    operating_points: dict[str, OperatingPoint]
    validation: ValidationFigures

    def thresholds(self, labels: Sequence[str]) -> list[float]:
        """Operating points of the labels, in their order."""
        return [self.operating_points[label].threshold for label in labels]
