"""A folder into the log: what is new is read, scored and written down; the same command goes on after any kill."""

import contextlib
import fcntl
import hashlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr.core.environment import workers
from cxr.core.errors import HashMismatch, UserError
from cxr.model import model_folder
from cxr.model.litert import InferenceError
from cxr.raw import private_names
from cxr.raw.layouts.registry import views_of
from cxr.runtime import process_pool, progress
from cxr.runtime.process_pool import Lost
from serving.log import scoring_log
from serving.log.records import RefusedFile
from serving.registry.releases import NothingInProduction, make_folder
from serving.score import worker
from serving.score.files import ImageFile, find
from serving.score.log_writer import LogWriter, Tally
from serving.score.model import released
from serving.score.score_images import ImageBounds

# what the model's folder or the log is to blame for: the message names no file that was scored
_NAMELESS = (NothingInProduction, InferenceError, HashMismatch, scoring_log.LogDamaged, scoring_log.LogTooNew)


@dataclass(frozen=True)
class ScoringPlan:
    """What to score and how; bounds and times as in the section `score` of params.yaml."""

    folder: Path
    production: Path
    batch_size: int
    max_file_bytes: int
    bounds: ImageBounds
    part_seconds: float
    again: bool = False  # also studies that only another model has scored
    private: bool = False  # no name of a file into the log; so too where the model's own set is private

    @property
    def log(self) -> Path:
        """Folder of the scoring log."""
        return self.production / "log"


def score(plan: ScoringPlan) -> Tally:
    """Score what is new below the plan's folder.

    UserError: no such folder, nothing in production or a damaged model, another run at work. An interrupt leaves what
    was scored in the log.
    """
    if not plan.folder.is_dir():
        raise UserError(f"{plan.folder}: no such folder; name one, or set score.folder in params.yaml")
    make_folder(plan.production)
    with _faults_of_the_model(), _only_one(plan.log):
        release = released(plan.production)
        private = plan.private or not model_folder.read_card(release.folder).public
        with private_names.withheld(private, "score", _NAMELESS):
            scoring_log.tidy(plan.log)
            record = LogWriter(plan.log, views_of(plan.folder), plan.again, plan.part_seconds, private)
            try:
                _through(plan, release.identity, record)
            finally:
                record.close()
    return record.tally


def _through(plan: ScoringPlan, model: str, record: LogWriter) -> None:
    """List, leave out what is known, score the rest chunk by chunk."""
    found = find(plan.folder, plan.max_file_bytes)
    record.tally.seen, record.tally.others = len(found.images) + len(found.refused), found.others
    record.refuse(found.refused)
    new = _unknown(plan, found.images, model, record)
    with (
        progress.bar(what="scoring", unit="image", total=len(new), show=bool(new)) as bar,
        contextlib.closing(_outcomes(plan, new, record.private)) as outcomes,
    ):
        for files, outcome in outcomes:
            record.take(files, outcome)
            record.write(now=False)
            bar.update(len(files))


def _unknown(plan: ScoringPlan, files: Sequence[ImageFile], model: str, record: LogWriter) -> list[ImageFile]:
    """Files not known to hold a study that stands in the log, or to be no image; the others are counted."""
    known, new = record.known(files, plan.bounds.max_pixels), []
    for file in files:
        fact = known.get(file.source, {})
        if "reason" in fact:
            record.refuse([RefusedFile(file.source, **fact)])
        elif "image_id" in fact and record.stands(fact["image_id"], model):
            record.tally.already += 1
        else:
            new.append(file)
    return new


def _outcomes(
    plan: ScoringPlan, files: Sequence[ImageFile], hashed: bool
) -> Generator[tuple[Sequence[ImageFile], worker.Outcome], None, None]:
    """(files, what came of them), chunk after chunk; a chunk that kills its process is taken file by file."""
    size = max(1, min(plan.batch_size, -(-len(files) // workers())))
    chunks = [files[start : start + size] for start in range(0, len(files), size)]
    fatal: list[ImageFile] = []
    for index, outcome in _score_chunks(plan, chunks, hashed):
        if isinstance(outcome, Lost):
            fatal += chunks[index]
        else:
            yield chunks[index], outcome
    for index, outcome in _score_chunks(plan, [[file] for file in fatal], hashed):
        if isinstance(outcome, Lost):
            outcome = worker.Outcome(refused=[_fatal(fatal[index], outcome)])
        yield [fatal[index]], outcome


def _score_chunks(
    plan: ScoringPlan, chunks: Sequence[Sequence[ImageFile]], hashed: bool
) -> Generator[tuple[int, worker.Outcome | Lost], None, None]:
    orders = [worker.ScoringOrder(plan.production, tuple(chunk), plan.bounds, hashed) for chunk in chunks]
    with contextlib.closing(process_pool.map_unordered(worker.work, orders, workers(), chunk=1)) as outcomes:
        yield from outcomes


def _fatal(file: ImageFile, why: Lost) -> RefusedFile:
    sha256 = ""
    with contextlib.suppress(OSError, UserError):  # it may be gone by now
        sha256 = hashlib.sha256(file.location.read()).hexdigest()
    return RefusedFile(file.source, sha256, worker.LOST[why], why.value)


@contextlib.contextmanager
def _faults_of_the_model() -> Iterator[None]:
    try:
        yield
    except (NothingInProduction, InferenceError) as error:
        raise UserError(str(error)) from error


@contextlib.contextmanager
def _only_one(log: Path) -> Iterator[None]:
    """One run at a time in a log; the lock goes with the process, however it ends."""
    log.mkdir(parents=True, exist_ok=True)
    with (log / ".run.lock").open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"{log}: another run scores into it; wait for its end, or stop it") from error
        yield
