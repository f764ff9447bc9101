"""From the words that a source uses for findings to the task's label columns."""

from dataclasses import dataclass

from cxr.params.schema import Ingest


@dataclass(frozen=True)
class Coding:
    """The task's labels in order, and the words that are no label but known: a negative class, other findings."""

    task: str
    labels: tuple[str, ...]
    negative: str | None
    known: frozenset[str]

    @classmethod
    def of(cls, section: Ingest, known: frozenset[str]) -> "Coding":
        """The coding for a task; `known` are the findings that the layout's source uses."""
        return cls(section.task, tuple(section.labels), section.negative, known)

    def encode(self, findings: tuple[str, ...]) -> tuple[int, ...]:
        """0 or 1 for each label. ValueError says which word is unknown, or why the task can't be served by them."""
        unknown = [word for word in findings if word not in self.known and word not in (*self.labels, self.negative)]
        if unknown:
            raise ValueError(f"{', '.join(map(repr, unknown))} is not among ingest.labels")
        vector = tuple(int(label in findings) for label in self.labels)
        if self.task == "multiclass" and sum(vector) != 1:
            raise ValueError(f"{sum(vector)} of the classes in ingest.labels; a multiclass task needs exactly one")
        return vector
