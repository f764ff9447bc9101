"""An order: what one worker is asked to do with one stage. It travels through Prefect as small JSON."""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

FORMAT = 1


class Order(BaseModel):
    """One attempt at one stage of a pipeline run.

    `stage`: its address (`train`, `data/raw/dvc.yaml:phantom`); `commit`: the pinned one; `entries`: address to lock
    entry of the stages that this run has made or taken over; `attempt` counts from 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    stage: str
    commit: str
    entries: dict[str, dict[str, Any]]
    attempt: int
    pipeline_run: str

    @field_validator("format")
    @classmethod
    def _is_known(cls, number: int) -> int:
        """An order of newer flows is refused: a worker that guesses may make the wrong thing."""
        if number > FORMAT:
            raise ValueError(f"the order has format {number}, this worker knows {FORMAT}: update its checkout")
        return number

    @property
    def name(self) -> str:
        """Stage and attempt, for the names of folders and runs."""
        return f"{self.stage.rpartition(':')[2]}-{self.attempt}"
