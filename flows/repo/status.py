"""Asks DVC's Python API, once, which stages are stale: on files that are here, or from lock entries and sources alone.

The second way serves dispatch: the data are on no machine as a whole, so a dependency that another stage makes is
compared by the hash in that stage's lock entry. Sources and parameters are always compared as files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Step:
    """One stage of the pipeline: what it needs and whether it must run."""

    address: str
    upstream: tuple[str, ...]  # addresses of the stages that make its dependencies
    dependencies: tuple[str, ...]  # paths that DVC tracks (made by stages or added): what a worker pulls
    outputs: tuple[str, ...]
    uncached: bool  # no output is cached: cheap, made wherever it is needed
    stale: str  # why it must run; empty where it need not


def on_files(project: Path) -> list[Step]:
    """The pipeline in running order, each stage compared with the files in this folder (as `dvc status` does)."""
    with _pipeline(project) as (repo, steps), repo.lock:
        return [_step(repo, stage, _changed_here(stage)) for stage in steps]


def on_entries(project: Path) -> list[Step]:
    """The pipeline in running order, data compared by lock entries alone; nothing has to be pulled.

    A stage below a stale one counts as fresh until that one has run: ask again then.
    """
    with _pipeline(project) as (repo, steps):
        makers = {out.fs_path: out for stage in repo.index.stages for out in stage.outs}
        with repo.lock:
            return [_step(repo, stage, _changed_by_entries(stage, makers)) for stage in steps]


def ready(steps: list[Step], taken: set[str]) -> list[Step]:
    """Stale steps whose upstream stages are all settled; `taken` are under way."""
    open_ = taken | {step.address for step in steps if step.stale}
    unsettled = set(open_)
    for step in steps:  # in running order, so what hangs on an open stage is open too
        if any(name in unsettled for name in step.upstream):
            unsettled.add(step.address)
    return [
        step
        for step in steps
        if step.stale and step.address not in taken and not any(name in unsettled for name in step.upstream)
    ]


@contextmanager
def _pipeline(project: Path) -> Iterator[tuple[Any, list[Any]]]:
    """The repository and the stages of dvc.yaml with all that is upstream of them, in running order."""
    from dvc.repo import Repo
    from dvc.repo.reproduce import get_active_graph, plan_repro
    from dvc.stage import PipelineStage

    with Repo(str(project)) as repo:
        top = [
            stage
            for stage in repo.index.stages
            if isinstance(stage, PipelineStage) and stage.path_in_repo == "dvc.yaml"
        ]
        order = plan_repro(get_active_graph(repo.index.graph), top)
        yield repo, [stage for stage in order if isinstance(stage, PipelineStage)]


def _step(repo: Any, stage: Any, stale: str) -> Step:
    from dvc.stage import PipelineStage

    above = list(repo.index.graph.successors(stage))
    tracked = [out.fs_path for maker in above for out in maker.outs]
    return Step(
        address=_address(stage),
        upstream=tuple(sorted(_address(maker) for maker in above if isinstance(maker, PipelineStage))),
        dependencies=tuple(
            _relative(repo, dep.fs_path)
            for dep in stage.deps
            if any(_is_or_is_in(dep.fs_path, path) for path in tracked)
        ),
        outputs=tuple(_relative(repo, out.fs_path) for out in stage.outs),
        uncached=not any(out.use_cache for out in stage.outs),
        stale=stale,
    )


def _address(stage: Any) -> str:
    """`train`, or `data/raw/dvc.yaml:phantom`: from the project's top, wherever this process stands."""
    return str(stage.name if stage.path_in_repo == "dvc.yaml" else f"{stage.path_in_repo}:{stage.name}")


def _relative(repo: Any, path: str) -> str:
    return Path(path).relative_to(repo.root_dir).as_posix()


def _is_or_is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def _changed_here(stage: Any) -> str:
    """What DVC says is changed, in a few words."""
    if not any(out.hash_info for out in stage.outs):
        return "never run"
    if stage.changed_stage():
        return "command changed"
    for part in (*stage.deps, *stage.outs):
        if part.status():
            return f"{part} changed"
    return ""


def _changed_by_entries(stage: Any, makers: dict[str, Any]) -> str:
    if not all(out.hash_info for out in stage.outs):
        return "never run"
    if stage.changed_stage():
        return "command changed"
    for dep in stage.deps:
        recorded = _recorded(dep, makers)
        if recorded is None and dep.status():
            return f"{dep} changed"
        if recorded is not None and recorded != dep.hash_info:
            return f"{dep} changed"
    return ""


def _recorded(dep: Any, makers: dict[str, Any]) -> Any | None:
    """Hash that a dependency's maker recorded for it; None where no stage or .dvc file makes it."""
    if dep.fs_path in makers:
        return makers[dep.fs_path].hash_info
    for path, out in makers.items():
        if _is_or_is_in(dep.fs_path, path) and out.hash_info and out.hash_info.isdir:
            listing = out.get_dir_cache()  # a small object, fetched from the remote where it is not here
            if listing is None:  # nor there: nobody knows this file's hash, so it counts as changed
                return None
            _, found = listing.get(tuple(dep.fs_path[len(path) + 1 :].split("/"))) or (None, None)
            return found
    return None
