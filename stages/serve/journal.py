"""What the endpoint scored, on its way into the scoring log: written every few seconds, and when the server ends."""
import asyncio
import sys
from pathlib import Path

import pyarrow as pa

from stages.entry import StageError
from stages.score import log as scoring_log
from stages.score.study import Scored

_MOST_ROWS = 100_000  # kept while the log can't be written


class Journal:
    """Rows that wait; `written` and `lost` count rows."""

    def __init__(self, log: Path, seconds: float) -> None:
        """`seconds` between two parts of the log: what a kill can cost."""
        self.written = self.lost = 0
        self._log, self._seconds = log, seconds
        self._index = scoring_log.Index()
        self._waiting: list[pa.Table] = []
        self._under_way = 0  # rows that are being written

    @property
    def waiting(self) -> int:
        """Rows not yet written."""
        return sum(map(len, self._waiting)) + self._under_way

    def take(self, scored: Scored) -> None:
        """Note rows for the next part."""
        if self.waiting < _MOST_ROWS:
            self._waiting.append(scoring_log.table_of(scored))
        else:
            self.lost += len(scored.studies)

    async def keep(self) -> None:
        """Write now and then, until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Put down what waits. Where that fails it is said, and tried again the next time."""
        tables, self._waiting = self._waiting, []
        if not tables:
            return
        self._under_way += (count := sum(map(len, tables)))
        try:
            rows = pa.concat_tables(tables, promote_options="permissive")
            self.written += len(scoring_log.append(self._log, rows, self._index))
            scoring_log.tidy(self._log)
        except (OSError, StageError) as error:
            print(f"serve: the scoring log was not written: {error}", file=sys.stderr)
            self._waiting = tables + self._waiting
        finally:
            self._under_way -= count
