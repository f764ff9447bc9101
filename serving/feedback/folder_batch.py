"""A batch of layout `folder` from feedback: class folders, and the patient in the file's name as `ingest` reads it."""
import re
import shutil
from pathlib import Path

import pandas as pd

from cxr.params.schema import Ingest
from serving.feedback.batch import NO_PATIENT

NO_CLASS = "not exactly one class"


class FolderBatch:
    """Images under their own names, each in the folder of its class."""

    def __init__(self, section: Ingest) -> None:
        """`section`: of params.yaml; its `patient_pattern` finds the patient, its `negative` names the class of none.
        """
        self.needs = ("a study has one class, and its file's name holds the patient by ingest.patient_pattern "
                      f"({section.patient_pattern})")
        self._pattern = re.compile(section.patient_pattern) if section.patient_pattern else None
        self._negative = section.negative
        self._files: list[tuple[Path, Path]] = []

    def take(self, image: str, path: Path, labels: "pd.Series[float]") -> str:
        """See `serving.feedback.batch.Shape`."""
        classes = [str(name) for name in labels.index[labels == 1]] or ([self._negative] if self._negative else [])
        if len(classes) != 1:
            return NO_CLASS
        if self._pattern and not self._pattern.search(path.name):
            return NO_PATIENT
        self._files.append((path, Path(classes[0]) / image[:32] / path.name))  # two files may have the same name
        return ""

    def write(self, folder: Path) -> None:
        """See `serving.feedback.batch.Shape`."""
        for source, place in self._files:
            (folder / place).parent.mkdir(parents=True)
            shutil.copyfile(source, folder / place)
