"""What a run has done and not yet written down; it goes into log, quarantine and memory together, now and then.

The log is the truth. The memory (file to study, by the file's marks) only saves opening files again; a kill between
the three costs work, never a row.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import simplejpeg

from cxr.core.code_version import code_version
from cxr.imaging import usable
from cxr.raw import private_names
from cxr.raw.fact_cache import FactCache
from cxr.raw.private_names import PrivateName
from cxr.runtime import paths
from cxr.runtime.hand_over import ScoringCounts
from serving.log import file_names, quarantine, scoring_log
from serving.log.records import RefusedFile, Scored
from serving.score.files import ImageFile
from serving.score.worker import Outcome


@dataclass
class Tally:
    """Files: seen = scored + already + quarantined. `others` are no images; `models` counts rows by version."""

    seen: int = 0
    scored: int = 0
    already: int = 0
    quarantined: int = 0
    others: int = 0
    models: Counter[str] = field(default_factory=Counter)

    def counts(self) -> ScoringCounts:
        """The figures as they are now, for whoever reads them as JSON or as a page."""
        return ScoringCounts(
            seen=self.seen,
            scored=self.scored,
            already=self.already,
            quarantined=self.quarantined,
            others=self.others,
            models=dict(self.models),
        )


class LogWriter:
    """Results on their way into the log, and what stands there already."""

    def __init__(
        self, log: Path, views: dict[str, str], again: bool, part_seconds: float, private: bool = False
    ) -> None:
        """`again`: a study counts as scored only where the same model scored it. `private`: no name of a file goes into
        the log; the names go to `.runs/names/`."""
        self.private = private
        self.log, self.views, self.again, self.part_seconds = log, views, again, part_seconds
        self.tally = Tally()
        self._index = scoring_log.Index().refresh(log)
        self._fact_cache = FactCache(paths.cache("score") / "files.sqlite")
        self._taken = scoring_log.Index()  # in this run, written or not
        self._answers: list[tuple[Scored, list[bool]]] = []  # and for each row whether it goes into the log
        self._keys: dict[str, str] = {}
        self._refused: list[RefusedFile] = []
        self._hashes: dict[str, str] = {}  # by source, of a private set's files
        self._facts: dict[str, str] = {}
        self._written = time.monotonic()
        self._named = {row for row in private_names.read(file_names.TABLE) if not row.image_id} if private else set()

    def stands(self, image_id: str, model: str) -> bool:
        """Whether a study need not be scored: it is in the log, or waits to be written."""
        if self.again:
            return any((image_id, model) in index.pairs for index in (self._index, self._taken))
        return any(image_id in index.studies for index in (self._index, self._taken))

    def known(self, files: Sequence[ImageFile], max_pixels: int) -> dict[str, dict[str, str]]:
        """By source what earlier runs found in files that have not changed: an image_id, or why they are refused."""
        self._keys = {file.source: _key(file, max_pixels) for file in files}
        facts = self._fact_cache.get(self._keys.values())
        return {source: json.loads(facts[key]) for source, key in self._keys.items() if key in facts}

    def take(self, files: Sequence[ImageFile], outcome: Outcome) -> None:
        """Note what came of a batch of files that `known` was asked for.

        What stands already, or comes twice in the folder, gets no second row.
        """
        scored, refused = outcome.scored, outcome.refused
        facts: dict[str, dict[str, str]] = {
            r.source: {"sha256": r.sha256, "reason": r.reason, "detail": r.detail}
            for r in refused
            if r.sha256 and r.reason not in usable.REASONS  # another model may have an answer
        }
        self.refuse(refused)
        self._hashes |= outcome.hashes
        if scored is not None:
            facts |= {study[0]: {"image_id": study[1]} for study in scored.studies}
            self._take_rows(scored)
        self._facts |= {
            self._keys[file.source]: json.dumps(facts[file.source]) for file in files if file.source in facts
        }

    def refuse(self, refused: Sequence[RefusedFile]) -> None:
        """Count refused files; they go to the log's quarantine.csv with the next `write`."""
        self.tally.quarantined += len(refused)
        self._refused += refused

    def write(self, now: bool = True) -> None:
        """Append rows, quarantine and facts; with `now=False` only where the last time is `part_seconds` ago."""
        if not now and time.monotonic() - self._written < self.part_seconds:
            return
        new = [row for _, rows in self._answers for row in rows]
        refused = self._without_names() if self.private else self._refused
        if any(new):
            table = scoring_log.table_of([scored for scored, _ in self._answers], self.views)
            if self.private:
                table = scoring_log.without_names(table, self._hashes)
            self._append(scoring_log.rows_where(table, new))
        if refused:
            quarantine.add(self.log, refused)
        self._answers, self._refused, self._hashes = [], [], {}
        self._fact_cache.put(self._facts)
        self._facts, self._written = {}, time.monotonic()

    def close(self) -> None:
        """Write what is left and close the fact cache."""
        self.write()
        self._fact_cache.close()

    def _take_rows(self, scored: Scored) -> None:
        new = []
        for _, image_id, *_rest in scored.studies:
            new.append(not self.stands(image_id, scored.model))
            self._taken.add(image_id, scored.model)
        self.tally.already += new.count(False)
        self._answers.append((scored, new))

    def _without_names(self) -> list[RefusedFile]:
        """Write down the names of what waits to be written; the refused files without theirs."""
        names = [
            PrivateName(self._hashes[source], image_id, name=source, outcome="image")
            for scored, _ in self._answers
            for source, image_id, *_ in scored.studies
        ]
        unnamed = [quarantine.without_name(refused) for refused in self._refused]
        refused = (
            PrivateName(r.sha256, row="" if r.sha256 else u.source, name=r.source, outcome=r.reason, detail=r.detail)
            for r, u in zip(self._refused, unnamed, strict=True)
        )
        new = [name for name in refused if name not in self._named]  # the same files are refused in every run
        private_names.add(file_names.TABLE, names + new)
        self._named.update(new)
        return unnamed

    def _append(self, table: pa.Table) -> None:
        """Into the log; what the HTTP endpoint has put there meanwhile is not added twice."""
        added = scoring_log.append(self.log, table, self._index)
        self.tally.scored += len(added)
        self.tally.already += len(table) - len(added)
        self.tally.models.update(added["version"].to_pylist())


def _key(file: ImageFile, max_pixels: int) -> str:
    """Of a file as it is now, and of the code that reads it; no name stands in it."""
    said = f"{file.mark} {file.suffix} {max_pixels} {_version()}"
    return hashlib.sha256(said.encode()).hexdigest()


@cache
def _version() -> str:
    code = code_version("cxr/imaging/decode.py", "cxr/imaging/formats")
    return f"{code} {cv2.__version__} {np.__version__} {simplejpeg.__version__}"
