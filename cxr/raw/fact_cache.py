"""Facts about files that are remembered from run to run, so that only new or changed files are read again.

One SQLite file below `.cache`, safe for several processes at once; it may be deleted at any time. Every entry has a
checksum: one that does not fit counts as unknown and is reported. Not an output, and no output may depend on it.
"""

import hashlib
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

logger = logging.getLogger(__name__)
_MOST_ENTRIES = 3_000_000  # about 1 GB; the oldest go first
_AT_ONCE = 500
_UNUSABLE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
)


class FactCache:
    """Text facts by text keys; all methods work on many keys at once."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; a file that is no database is made again, which is reported. On a full disk nothing
        is kept from this run to the next.
        """
        self.path = path
        self.damaged = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open(path)
        except sqlite3.DatabaseError as error:
            self._go_on_after(error)

    def get(self, keys: Iterable[str]) -> dict[str, str]:
        """Key to fact for the keys that are known and undamaged."""
        try:
            found = self._select(list(dict.fromkeys(keys)))
        except sqlite3.DatabaseError as error:
            self._go_on_after(error)
            return {}
        good = {key: fact for key, (fact, checksum) in found.items() if checksum == _checksum(key, fact)}
        if bad := len(found) - len(good):
            self.damaged += bad
            logger.warning("%s: %d damaged cache entries; they are made again", self.path, bad)
        return good

    def put(self, facts: Mapping[str, str]) -> None:
        """Remember facts, older ones of the same key replaced. A full disk or a locked file only loses them."""
        rows = [(key, fact, _checksum(key, fact)) for key, fact in facts.items()]
        try:
            with self._base:
                self._base.executemany("INSERT OR REPLACE INTO facts (key, fact, checksum) VALUES (?, ?, ?)", rows)
                self._base.execute(
                    "DELETE FROM facts WHERE rowid <= (SELECT max(rowid) FROM facts) - ?", (_MOST_ENTRIES,)
                )
        except sqlite3.DatabaseError as error:
            self._go_on_after(error)

    def close(self) -> None:
        """Close the SQLite file; nothing can be read or remembered after."""
        self._base.close()

    def _open(self, place: Path | str) -> None:
        base = sqlite3.connect(place, timeout=60)
        base.execute("PRAGMA synchronous = NORMAL")
        base.execute("CREATE TABLE IF NOT EXISTS facts (key TEXT UNIQUE, fact TEXT, checksum TEXT)")
        self._base = base

    def _go_on_after(self, error: sqlite3.DatabaseError) -> None:
        """Open an empty file where it was damaged, a database in memory where the disk is full or the file unusable."""
        try:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNUSABLE:
                raise error
            logger.warning("%s: damaged cache (%s); it is made again", self.path, error)
            self.damaged += 1
            self.path.unlink(missing_ok=True)
            self._open(self.path)
        except sqlite3.DatabaseError as still:
            logger.warning("%s: not remembered (%s)", self.path, still)
            self._open(":memory:")

    def _select(self, keys: list[str]) -> dict[str, tuple[str, str]]:
        found = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            slots = ",".join("?" * len(some))
            rows = self._base.execute(f"SELECT key, fact, checksum FROM facts WHERE key IN ({slots})", some)  # noqa: S608
            found.update({key: (str(fact), str(checksum)) for key, fact, checksum in rows})
        return found


def _checksum(key: str, fact: str) -> str:
    """16 hexadecimal digits over key and fact, by which a damaged entry is found out."""
    return hashlib.sha256(f"{key}\0{fact}".encode()).hexdigest()[:16]
