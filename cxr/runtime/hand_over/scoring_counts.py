"""What a scoring run did: the one line of `cxr score --json`; flows publish it with the run's page."""

from pydantic import Field

from cxr.core.document import Count, Document


class ScoringCounts(Document):
    """Files: seen = scored + already + quarantined. `others` are no images; `models` counts new rows by version."""

    seen: Count = 0
    scored: Count = 0
    already: Count = 0
    quarantined: Count = 0
    others: Count = 0
    models: dict[str, int] = Field(default_factory=dict)

    @property
    def headline(self) -> str:
        """The counts in one line."""
        return (
            f"{self.seen} files seen = {self.scored} scored + {self.already} already scored + "
            f"{self.quarantined} quarantined"
        )
