"""The scoring log: one row for each study that was scored, in Parquet files, partitioned by day (UTC).

    production/log/day=YYYY-MM-DD/part-<hash>.parquet     columns: docs/reference/scoring-log.md
    production/log/quarantine.csv                         path, sha256, reason, detail of what could not be scored

A part is written whole or not at all, under a lock that ends with its holder. A study (image_id, model) stands once:
`append` leaves out what stands already. Not an output of the pipeline: times and measured speeds stand in it.
"""

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cxr.core.errors import UserError
from cxr.core.files import write_bytes
from cxr.imaging.statistics import NAMES
from cxr.raw import private_names
from cxr.raw.image_names import file_name
from cxr.runtime import folder_lock
from serving.log.records import Scored

FORMAT, FORMAT_KEY = 1, b"cxr_log_format"  # of a part, in its schema's metadata; parts without a number are of format 0
HTTP = "http"  # the source of what came over HTTP: a client's file name may be a patient's
_KEY = ["image_id", "model"]
_TRIES = 3
_REPEATED = ["model", "version", "view"]  # a dictionary of values that never come again takes time and room
_MANY, _SMALL = 24, 1 << 20  # more parts than this of fewer bytes are put together


class LogDamaged(UserError):
    """A part of the log can't be read; the message names it."""


class LogTooNew(UserError):
    """A part of the log was written by a newer version of this project; the message names it and its format."""


class Index:
    """Which studies stand in the log: `studies` ids, `pairs` (id, model). `refresh` reads only what is new."""

    def __init__(self) -> None:
        """Start with an empty index: `refresh` fills it."""
        self.studies: set[str] = set()
        self.pairs: set[tuple[str, str]] = set()
        self._read: set[str] = set()

    def refresh(self, log: Path) -> "Index":
        """Take up what was written since; itself."""
        for path in _parts(log):
            if path.name in self._read:
                continue
            with contextlib.suppress(FileNotFoundError):  # put together with others meanwhile
                keys = _open(path, _KEY)
                self.take(keys)
                self._read.add(path.name)
        return self

    def take(self, table: pa.Table) -> None:
        """Count the rows of a table as standing in the log."""
        for image_id, model in zip(*(table[name].to_pylist() for name in _KEY), strict=True):
            self.add(image_id, model)

    def add(self, image_id: str, model: str) -> None:
        """Note that a study stands in this part of the log."""
        self.studies.add(image_id)
        self.pairs.add((image_id, model))


def table_of(answers: Sequence[Scored], views: dict[str, str] | None = None) -> pa.Table:
    """Rows for the log, in their order; `views` is the view position by file name, where something tells it."""
    alike = [list(some) for _, some in itertools.groupby(answers, lambda each: (each.labels, each.features.shape[1]))]
    return pa.concat_tables([_rows(some, views or {}) for some in alike], promote_options="permissive")


def _rows(answers: list[Scored], views: dict[str, str]) -> pa.Table:
    """Rows of answers with the same labels and as many features; a hundred columns take a millisecond however few."""
    sources, ids, widths, heights, depths = zip(*(study for each in answers for study in each.studies), strict=True)
    by = [each for each in answers for _ in each.studies]
    statistics, features, logits, probabilities = (
        np.concatenate([getattr(each, name) for each in answers])
        for name in ("statistics", "features", "logits", "probabilities")
    )
    starts = pa.array(range(0, features.size + 1, features.shape[1]), pa.int32())
    columns = {
        "image_id": pa.array(ids, pa.string()),
        "source": pa.array(sources, pa.string()),
        "scored_at": pa.array([each.at for each in by], pa.timestamp("us", "UTC")),
        "model": pa.array([each.model for each in by], pa.string()),
        "version": pa.array([each.version for each in by], pa.string()),
        "view": pa.array([views.get(file_name(source), "") for source in sources], pa.string()),
        "width": pa.array(widths, pa.int32()),
        "height": pa.array(heights, pa.int32()),
        "bit_depth": pa.array(depths, pa.int16()),
        **{name: pa.array(statistics[:, i], pa.float32()) for i, name in enumerate(NAMES)},
        "features": pa.ListArray.from_arrays(starts, pa.array(features.ravel(), pa.float32())),
        **{f"logit_{label}": pa.array(logits[:, i], pa.float32()) for i, label in enumerate(answers[0].labels)},
        **{
            f"probability_{label}": pa.array(np.asarray(probabilities[:, i], np.float64))
            for i, label in enumerate(answers[0].labels)
        },
        "latency_ms": pa.array(np.concatenate([each.latency_ms for each in answers]), pa.float32()),
    }
    return pa.table(columns)


def without_names(table: pa.Table, hashes: Mapping[str, str]) -> pa.Table:
    """Rows of a private set: each `source` is the file's SHA-256 (by source in `hashes`) and suffix, a view that is no
    known word is empty."""
    sources = [private_names.stand_in(hashes[source], source) for source in table["source"].to_pylist()]
    views = [private_names.view(word) for word in table["view"].to_pylist()]
    for name, words in (("source", sources), ("view", views)):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(words, pa.string()))
    return table


def rows_where(table: pa.Table, wanted: list[bool]) -> pa.Table:
    """The rows wanted; all of them cost nothing (Arrow takes milliseconds to filter a hundred columns)."""
    return table if all(wanted) else table.filter(pa.array(wanted, pa.bool_()))


def append(log: Path, table: pa.Table, index: Index | None = None) -> pa.Table:
    """Add rows, each day's whole or not at all, but for studies (image_id, model) that stand already; those added.

    `index` is kept up to date, and saves reading the whole log's keys again.
    """
    with folder_lock.held(log):
        index = (index or Index()).refresh(log)
        fresh = rows_where(table, _is_new(table, index.pairs))
        days = fresh["scored_at"].cast(pa.date32()).to_pylist()  # of UTC
        for day in sorted(set(days)):
            _write(log / f"day={day.isoformat()}", rows_where(fresh, [each == day for each in days]))
        index.take(fresh)
    return fresh


def read(
    log: Path, since: datetime | None = None, until: datetime | None = None, last: int | None = None
) -> pd.DataFrame:
    """Rows in order of scored_at, image_id: those scored from `since` on and before `until`, the newest `last` of them.

    Naive times are UTC. Only the days asked for are opened. Models of other labels leave NaN in each other's columns.
    An empty log gives an empty table. LogDamaged names a part that can't be read.
    """
    return _patiently(lambda: _read(log, _utc(since), _utc(until), last, _open))


def read_of(
    log: Path, model: str, image_ids: Collection[str], since: datetime | None = None, last: int | None = None
) -> pd.DataFrame:
    """Rows of some studies that one model answered, whenever that was; otherwise as `read`, the newest `last` of them.

    Goes back day by day until there are enough; of a part that holds none of them only the keys are read.
    """
    wanted = pa.array(sorted(image_ids), pa.string())

    def only(path: Path) -> pa.Table | None:
        """The rows wanted of a part; None where it has none."""
        keys = _open(path, _KEY)
        held = pc.and_(pc.equal(keys["model"], model), pc.is_in(keys["image_id"], wanted))
        return _open(path).filter(held) if pc.any(held).as_py() else None

    return _patiently(lambda: _read(log, _utc(since), None, last, only))


def tidy(log: Path) -> None:
    """Put a day's small parts into one where there are many, and remove what killed writers left."""
    with folder_lock.held(log):
        for left in log.glob("day=*/.part-*.part"):
            left.unlink()
        for folder in log.glob("day=*"):
            small = [path for path in sorted(folder.glob("part-*.parquet")) if path.stat().st_size < _SMALL]
            if len(small) > _MANY:
                whole = _write(folder, _once(_joined(small)))
                for path in small:  # killed here, rows stand twice on disk and once for every reader
                    path.unlink() if path != whole else None


def _patiently(read_it: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError):  # parts were put together while we read
            return read_it()
    return read_it()


def _read(
    log: Path,
    since: datetime | None,
    until: datetime | None,
    last: int | None,
    opened: Callable[[Path], pa.Table | None],
) -> pd.DataFrame:
    """`opened` gives a part's rows, None where none of them is wanted."""
    tables, count = [], 0
    for folder in sorted(log.glob("day=*"), reverse=True):
        day = datetime.fromisoformat(folder.name.removeprefix("day=")).replace(tzinfo=UTC)
        if (until and day >= until) or (since and day + timedelta(days=1) <= since):
            continue
        parts = [part for part in map(opened, sorted(folder.glob("part-*.parquet"))) if part is not None]
        if parts:
            tables.append(_within(_once(pa.concat_tables(parts, promote_options="permissive")), since, until))
            count += len(tables[-1])
        if last is not None and count >= last:
            break
    if not tables:
        return pd.DataFrame(columns=["image_id", "source", "scored_at", "model"])
    whole = _once(pa.concat_tables(tables, promote_options="permissive"))
    return whole.slice(max(0, len(whole) - last) if last is not None else 0).to_pandas()


def _within(table: pa.Table, since: datetime | None, until: datetime | None) -> pa.Table:
    if since:
        table = table.filter(pc.greater_equal(table["scored_at"], pa.scalar(since, pa.timestamp("us", "UTC"))))
    if until:
        table = table.filter(pc.less(table["scored_at"], pa.scalar(until, pa.timestamp("us", "UTC"))))
    return table


def _once(table: pa.Table) -> pa.Table:
    """In order of time and id, each study the first time that it stands there."""
    ordered = table.sort_by([("scored_at", "ascending"), ("image_id", "ascending")])
    keys = ordered.select(_KEY).to_pandas()
    return ordered.filter(pa.array(~keys.duplicated().to_numpy()))


def _is_new(table: pa.Table, pairs: set[tuple[str, str]]) -> list[bool]:
    taken: set[tuple[str, str]] = set()
    new = []
    for key in zip(*(table[name].to_pylist() for name in _KEY), strict=True):
        new.append(key not in pairs and key not in taken)
        taken.add(key)
    return new


def _write(folder: Path, table: pa.Table) -> Path:
    stream = pa.BufferOutputStream()
    stamped = table.replace_schema_metadata({**(table.schema.metadata or {}), FORMAT_KEY: str(FORMAT).encode()})
    pq.write_table(stamped, stream, compression="zstd", use_dictionary=_REPEATED)
    content = stream.getvalue().to_pybytes()
    path = folder / f"part-{hashlib.sha256(content).hexdigest()[:20]}.parquet"
    write_bytes(path, content)
    return path


def _parts(log: Path) -> list[Path]:
    return sorted(log.glob("day=*/part-*.parquet"))


def _joined(parts: list[Path]) -> pa.Table:
    return pa.concat_tables([_open(path) for path in parts], promote_options="permissive")


def _open(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        file = pq.ParquetFile(path)
        _known(path, file.schema_arrow.metadata or {})
        return file.read(columns)
    except FileNotFoundError:
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise LogDamaged(f"{path}: can't be read ({error}); move it away: its studies will be scored again") from error


def _known(path: Path, metadata: Mapping[bytes, bytes]) -> None:
    """LogTooNew where the part's format is none that this code reads."""
    number = metadata.get(FORMAT_KEY, b"0").decode(errors="replace")
    if number not in map(str, range(FORMAT + 1)):
        raise LogTooNew(
            f"{path}: is of format {number}, this code reads formats up to {FORMAT}; it was written by a "
            "newer version of this project: update the code that reads it"
        )


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
