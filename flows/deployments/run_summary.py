"""What a pipeline run leaves on the server for people: metrics against the last version, pictures, where the report is.

Reads only what the workspace's dvc.lock names, pulled and checked; a run whose stages make none of it has none of it.
"""
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cxr.core.files import write_bytes
from flows.deployments import roc_svg
from flows.deployments.pictures import as_markdown
from flows.repo import lockfile, record, workspace
from flows.repo.git import git
from flows.repo.record import Recorded
from flows.support.secrets import without_credentials
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

_SHOWN = ("metrics/", "plots/evaluate", "reports/overlays")
_HEADLINES = (".auroc.macro", ".auroc.worst", ".accuracy")  # leaves of metrics/evaluate.json, of every variant
_TRUE_POSITIVE = "_tp_1"  # of overlays, one a label is shown first
_MOST_ROWS, _MOST_PICTURES = 60, 6
REPORT = "reports/index.html"


def publish(folder: Path, recorded: Recorded | None, before: str | None, settings: Settings) -> None:
    """Create the artifacts of a run; what can't be had is said in the log and never fails the run."""
    from prefect.artifacts import create_link_artifact, create_markdown_artifact

    try:
        _pull_shown(folder, settings)
        create_markdown_artifact(page(folder, recorded, before), key="pipeline-summary",
                                 description="metrics, difference to the last version, pictures")
        if recorded and (report := _report(folder, recorded, settings)):
            create_link_artifact(report, key="report", link_text=f"report of {recorded.version}",
                                 description=f"on the machine of this run; anywhere: {_get(recorded)}")
    except Exception as error:
        logger.info(without_credentials(f"the summary could not be made whole: {error}"))


def publish_here(folder: Path) -> None:
    """The same artifacts for a folder whose outputs lie in it and were not recorded."""
    from prefect.artifacts import create_link_artifact, create_markdown_artifact

    try:
        where = f"Made in {folder}, on commit `{git(folder, 'rev-parse', '--short=12', 'HEAD')}`; not recorded."
        create_markdown_artifact(page(folder, None, record.version_before(folder, None), where), key="pipeline-summary",
                                 description="metrics, difference to the last version, pictures")
        if (folder / REPORT).exists():
            create_link_artifact((folder / REPORT).as_uri(), key="report", link_text="report of this folder",
                                 description=f"on the machine of this run: {folder / REPORT}")
    except Exception as error:
        logger.info(without_credentials(f"the summary could not be made whole: {error}"))


def page(folder: Path, recorded: Recorded | None, before: str | None, where: str = "") -> str:
    """The markdown page. `before` is the gto tag of the version to compare with."""
    parts = ["# Pipeline run", where or _where(recorded)]
    served = json.loads(_read(folder / "metrics" / "compress.json") or "{}").get("chosen", {}).get("name", "base")
    now = headlines(json.loads(_read(folder / "metrics" / "evaluate.json") or "{}"), served)
    if now:
        then = headlines(_earlier(folder, before), served) if before else {}
        parts.append(f"Served: **{served}**. Differences are between test sets as each version had them.")
        parts.append("\n".join(table(now, then, before)))
    if (roc := folder / "plots" / "evaluate" / "roc.csv").exists():
        parts.append("## ROC\n" + as_markdown(f"ROC of {served} on the test set", roc_svg.draw(roc, served)))
    overlays = sorted((folder / "reports" / "overlays").glob("*.png"),
                      key=lambda path: (not path.stem.endswith(_TRUE_POSITIVE), path.name))[:_MOST_PICTURES]
    if overlays:
        parts.append("## Explanations\n" + " ".join(as_markdown(path.stem, path.read_bytes()) for path in overlays))
    return "\n\n".join(parts) + "\n"


def headlines(metrics: dict[str, Any], served: str = "base") -> dict[str, float]:
    """`variant.auroc.macro` and the like to number, of metrics/evaluate.json; `served`'s labels too."""
    every = dict(_numbers(metrics))
    chosen = {name: value for name, value in every.items() if name.endswith(_HEADLINES)}
    labels = {name: value for name, value in every.items() if name.startswith(f"{served}.auroc.")}
    return dict(list(((chosen | labels) or every).items())[:_MOST_ROWS])


def table(now: dict[str, float], then: dict[str, float], before: str | None) -> Iterator[str]:
    """Lines of a markdown table: value, value of the version before, difference."""
    yield f"| metric (test) | this run | {f'`{before}`' if before else 'no earlier version'} | difference |"
    yield "|---|---:|---:|---:|"
    for name, value in now.items():
        old = then.get(name)
        yield f"| {name} | {value:.4f} | {'n/a' if old is None else f'{old:.4f}'} | " + (
            "n/a |" if old is None else f"{value - old:+.4f} |")


def _numbers(tree: Any, path: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _numbers(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield path, float(tree)


def _where(recorded: Recorded | None) -> str:
    if recorded is None:
        return "Nothing changed: the commit's own dvc.lock stands."
    return (f"Version **{recorded.version}**, commit `{recorded.commit}` on branch `{recorded.branch}`.\n\n"
            f"The outputs: `git fetch && git checkout {recorded.commit[:12]} && dvc pull`. "
            f"The report: `{_get(recorded)}`.")


def _get(recorded: Recorded) -> str:
    return f"dvc get . {REPORT} --rev {recorded.commit[:12]}"


def _pull_shown(folder: Path, settings: Settings) -> None:
    workspace.pull(folder, [path for path in lockfile.outputs_of(folder) if path.startswith(_SHOWN)], settings)


def _report(folder: Path, recorded: Recorded, settings: Settings) -> str | None:
    """Address of a copy of the report that outlives the workspace."""
    if REPORT not in lockfile.outputs_of(folder):
        return None
    workspace.pull(folder, [REPORT], settings)
    kept = settings.workspaces.parent / "reports" / recorded.commit[:12] / "index.html"
    write_bytes(kept, (folder / REPORT).read_bytes())
    return f"{settings.reports.rstrip('/')}/{recorded.commit[:12]}/index.html" if settings.reports else kept.as_uri()


def _earlier(folder: Path, tag: str) -> dict[str, Any]:
    """metrics/evaluate.json of an earlier version; empty where it can't be had, or read, any more."""
    from dvc.api import read

    try:
        found = json.loads(read("metrics/evaluate.json", repo=str(folder), rev=tag))
    except Exception:  # DVC, git and each kind of remote raise their own; none is worth this run's summary
        return {}
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
