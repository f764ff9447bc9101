"""What the endpoint scored, on its way into the scoring log: written every few seconds, and when the server ends."""

import asyncio
import logging
from pathlib import Path
from threading import Lock

from serving.log import scoring_log
from serving.log.records import Scored

logger = logging.getLogger(__name__)

_MOST_ROWS = 100_000  # kept while the log can't be written


class BackgroundLogWriter:
    """Holds scored rows until the next write; `written` and `lost` count rows."""

    def __init__(self, log: Path, seconds: float) -> None:
        """`seconds` pass between two writes: what a kill can cost at the most."""
        self.written = self.lost = 0
        self._log, self._seconds = log, seconds
        self._index = scoring_log.Index()
        self._waiting: list[Scored] = []
        self._under_way = 0  # rows that are being written
        self._taking, self._writing = Lock(), Lock()  # rows come in the loop's thread and are written in others

    @property
    def waiting(self) -> int:
        """How many rows are not in the scoring log yet: those that wait and those being written."""
        with self._taking:
            return _rows(self._waiting) + self._under_way

    def take(self, scored: Scored) -> None:
        """Hold rows for the next write. Beyond 100,000 they are lost, which is logged when the first is."""
        if self.waiting < _MOST_ROWS:
            with self._taking:
                self._waiting.append(scored)
            return
        if not self.lost:
            logger.warning(
                "%d rows wait for the scoring log: what is answered from now on is lost to it, until it can "
                "be written (cxr_log_rows_lost_total in /metrics)",
                _MOST_ROWS,
            )
        self.lost += len(scored.studies)

    async def keep(self) -> None:
        """Write every `seconds`, until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Append the waiting rows to the scoring log. A failure is logged, and the rows stay for the next write."""
        with self._writing:
            with self._taking:
                answers, self._waiting = self._waiting, []
                self._under_way = _rows(answers)
            if not answers:
                return
            back = answers
            try:
                self.written += len(scoring_log.append(self._log, scoring_log.table_of(answers), self._index))
                back = []
                scoring_log.tidy(self._log)
            except Exception as error:  # whatever it is, the endpoint goes on, and nothing is lost
                logger.error(
                    "the scoring log was not written: %s; %d rows wait, %d are lost", error, _rows(back), self.lost
                )
            finally:
                with self._taking:
                    self._waiting, self._under_way = back + self._waiting, 0


def _rows(answers: list[Scored]) -> int:
    return sum(len(scored.studies) for scored in answers)
