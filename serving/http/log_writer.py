"""What the endpoint scored, on its way into the scoring log: written every few seconds, and when the server ends."""
import asyncio
import sys
from pathlib import Path
from threading import Lock

from serving.log import scoring_log
from serving.log.records import Scored

_MOST_ROWS = 100_000  # kept while the log can't be written


class BackgroundLogWriter:
    """Rows that wait; `written` and `lost` count rows."""

    def __init__(self, log: Path, seconds: float) -> None:
        """`seconds` between two parts of the log: what a kill can cost."""
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
        """Note rows for the next part. Where too many wait they are lost, which is said when the first is."""
        if self.waiting < _MOST_ROWS:
            with self._taking:
                self._waiting.append(scored)
            return
        if not self.lost:
            print(f"serve: {_MOST_ROWS} rows wait for the scoring log: what is answered from now on is lost to it, "
                  "until it can be written (cxr_log_rows_lost_total in /metrics)", file=sys.stderr)
        self.lost += len(scored.studies)

    async def keep(self) -> None:
        """Write now and then, until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Put down what waits. Where that fails it is said, and tried again the next time."""
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
                print(f"serve: the scoring log was not written: {error}; {_rows(back)} rows wait, {self.lost} are lost",
                      file=sys.stderr)
            finally:
                with self._taking:
                    self._waiting, self._under_way = back + self._waiting, 0


def _rows(answers: list[Scored]) -> int:
    return sum(len(scored.studies) for scored in answers)
