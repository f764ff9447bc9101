"""What every section of params.yaml is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section: unknown keys are errors, types are not bent."""

    model_config = ConfigDict(extra="forbid", strict=False, frozen=True)
