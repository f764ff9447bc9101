"""Layout `folder`: a folder for each class, with or without train/val/test above (Kermany's and many others)."""
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from cxr.core.errors import StageError
from cxr.raw.batch import Batch
from cxr.raw.layouts.base import Claims, Fault, Record
from cxr.raw.names import is_image
from cxr.raw.recognise import class_of


class Folder:
    """Rows are the files; the class is the folder's name, the patient comes from the file's name."""

    def __init__(self, patient_pattern: str | None) -> None:
        """Compile `ingest.patient_pattern`; StageError where it is no regular expression with a group `patient`."""
        try:
            self.pattern = re.compile(patient_pattern) if patient_pattern else None
        except re.error as error:
            raise StageError(f"params.yaml: ingest.patient_pattern: {error}: {patient_pattern!r}") from error
        if self.pattern and "patient" not in self.pattern.groupindex:
            raise StageError(f"params.yaml: ingest.patient_pattern has no group (?P<patient>...): {patient_pattern!r}")

    def read(self, batch: Batch, earlier: Sequence[Batch]) -> Claims:
        """A record for each image in a class folder, a fault for every other file."""
        claims = Claims()
        for name in batch.names():
            claims.take(self._row(batch.name, name))
        return claims

    def _row(self, batch: str, name: str) -> Record | Fault:
        label, official = class_of(name)
        if not is_image(name):
            return Fault(batch, "", name, "not_an_image", "its name is not that of a PNG or JPEG file", (batch, name))
        if not label:
            return Fault(batch, "", name, "no_class_folder", "it stands in no class folder", (batch, name))
        return Record(batch, "", name, (batch, name), (label,), self.patient_of(name), official=official)

    def patient_of(self, name: str) -> str:
        """The patient by the pattern (the whole group, prefixes kept), else the file's name without suffix."""
        path = PurePosixPath(name)
        found = self.pattern.search(path.name) if self.pattern else None
        return (found["patient"] if found else None) or path.stem
