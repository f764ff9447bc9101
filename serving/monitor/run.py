"""Reads the scoring log, feedback and the model's reference; writes `drift/<n>/` in the production folder.

verdict.json is for programs, verdict.md the page that flows publish, index.html the whole report.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.core.errors import UserError
from cxr.core.files import number, write_text
from cxr.model import model_folder
from cxr.params.production import Monitor
from cxr.runtime.hand_over.drift_verdict import TOO_FEW, DriftVerdict
from serving.log import labels as label_store
from serving.log.file_names import FileNames
from serving.log.scoring_log import HTTP, read_of
from serving.log.scoring_log import read as read_log
from serving.monitor import markdown, page, pictures
from serving.monitor.compare import Prepared, WindowComparisons, compare, estimates, prepare
from serving.monitor.rule import Judged, judge, verdict
from serving.monitor.window import StudyArrays, of_log
from serving.registry.releases import Release


@dataclass(frozen=True)
class MonitorTask:
    """What to look at: the last `window` studies of the log, or those since a moment; `images`: the scored folder."""

    log: Path
    feedback: Path
    drift: Path
    window: int
    since: datetime | None = None
    images: Path = Path()


def run(asked: MonitorTask, release: Release, section: Monitor) -> tuple[DriftVerdict, Path]:
    """Judge and write; the verdict, and its folder. UserError where the log can't be compared."""
    prepared = prepare(model_folder.read_reference(release.folder), model_folder.read_card(release.folder))
    truth = label_store.read(asked.feedback, prepared.labels)
    table, known = scored(asked, release), labelled(asked, release, truth)
    window = _window(table, prepared, truth)
    content = _head(table, window, known, prepared, release, section)
    if len(window) < section.least_studies:
        content |= {"verdict": TOO_FEW, "reasons": [], "tests": [], "left_out": [], "estimated_auroc": []}
        few = DriftVerdict.model_validate(content)
        return few, write(asked.drift, few, page.render(few, [], prepared, window, []))
    found = compare(prepared, window, release.latency, section, _window(known, prepared, truth))
    judged = judge(found.comparisons, section.alpha)
    said, reasons = verdict(judged)
    content |= {
        "verdict": said,
        "reasons": reasons,
        "tests": [j.entry() for j in judged],
        "left_out": found.left_out,
        "estimated_auroc": [
            {name: value if isinstance(value, str) else number(value, 3) for name, value in row.items()}
            for row in estimates(prepared, window)
        ],
    }
    shown = _pictures(asked.images, table, judged, found, prepared, window, section.shown)
    whole = DriftVerdict.model_validate(content)
    return whole, write(asked.drift, whole, page.render(whole, judged, prepared, window, shown))


def scored(asked: MonitorTask, release: Release) -> pd.DataFrame:
    """Rows of the log that this model answered: since the moment asked for, or the last ones."""
    last = None if asked.since else asked.window
    while True:  # other models' studies may stand between: then look farther back
        table = read_log(asked.log, since=asked.since, last=last)
        own = table[table["model"] == release.identity].reset_index(drop=True)
        if last is None or len(own) >= asked.window or len(table) < last:
            return own if last is None else own.tail(asked.window).reset_index(drop=True)
        last *= 4


def labelled(asked: MonitorTask, release: Release, truth: pd.DataFrame) -> pd.DataFrame:
    """Rows of the last `window` studies that this model answered and that have labels by now, whenever they were
    scored (since the moment asked for): labels come late, when others have arrived long ago."""
    known = truth.index[truth.notna().any(axis=1)]
    if not len(known):
        return pd.DataFrame()
    return read_of(asked.log, release.identity, known, asked.since, None if asked.since else asked.window)


def write(drift: Path, judged: DriftVerdict, html: str) -> Path:
    """Take the next number below `drift` and write the three files into it; verdict.json last, so that it ends it."""
    drift.mkdir(parents=True, exist_ok=True)
    count = max((int(p.name) for p in drift.iterdir() if p.name.isdigit()), default=0)
    while True:
        count += 1
        try:
            (folder := drift / f"{count:04d}").mkdir()
            break
        except FileExistsError:  # another monitor was faster
            continue
    write_text(folder / "index.html", html)
    write_text(folder / "verdict.md", markdown.page(judged, folder.name))
    judged.write(folder / "verdict.json")
    return folder


def _window(table: pd.DataFrame, prepared: Prepared, truth: pd.DataFrame) -> StudyArrays:
    """The rows as arrays; UserError where the log holds other columns than the model's reference."""
    if table.empty:
        columns = ["image_id", "view", "width", "height", "bit_depth", "latency_ms", "features"]
        columns += [f"{what}_{label}" for what in ("logit", "probability") for label in prepared.labels]
        table = pd.DataFrame(columns=[*columns, *prepared.studies.names])
    else:  # over HTTP an image goes through the net alone: another time than the reference's
        table = table.assign(latency_ms=table["latency_ms"].where(table["source"] != HTTP))
    try:
        return of_log(table, prepared.studies.names, prepared.labels, truth)
    except KeyError as error:
        raise UserError(
            f"the scoring log lacks what the model's reference has: {error}; it was written by another "
            "version of this project: score anew, or start a new log"
        ) from error


def _head(
    table: pd.DataFrame,
    window: StudyArrays,
    known: pd.DataFrame,
    prepared: Prepared,
    release: Release,
    section: Monitor,
) -> dict[str, Any]:
    """What is said of the window, and of the studies with labels, whatever the verdict."""
    ids = sorted(table["image_id"].astype(str)) if len(table) else []
    return {
        "model": release.identity,
        "version": release.version,
        "alpha": section.alpha,
        "least_studies": section.least_studies,
        "reference_studies": len(prepared.studies),
        "labelled": {"studies": len(known), **_span(known)},
        "window": {
            "studies": len(window),
            **_span(table),
            "labelled": int((window.targets == window.targets).any(axis=1).sum()) if ids else 0,
            "data_hash": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
        },
    }


def _span(table: pd.DataFrame) -> dict[str, str | None]:
    """When the first and the last of the rows were scored."""
    first, last = [moment.isoformat() for moment in table["scored_at"].iloc[[0, -1]]] if len(table) else [None, None]
    return {"first": first, "last": last}


def _pictures(
    images: Path,
    table: pd.DataFrame,
    judged: Sequence[Judged],
    found: WindowComparisons,
    prepared: Prepared,
    window: StudyArrays,
    most: int,
) -> list[tuple[str, str]]:
    """(data URI, caption) of the images that drove it, where their folder is known and they are still there."""
    chosen = pictures.drivers(judged, found, prepared, window, most)
    known, studies = FileNames(images), table[["image_id", "source"]].astype(str)
    drawn = ((pictures.thumbnail(images, known.path_of(*studies.iloc[row])), name) for row, name in chosen)
    return [(uri, name) for uri, name in drawn if uri is not None]
