"""What a pipeline run leaves on the server for people: the page that `stages.report.run_summary` writes, and a link.

Nothing is drawn or formatted here; a run whose stages make nothing to show has a page that says where its outputs are.
"""

import logging
import shlex
import tempfile
from pathlib import Path

from cxr.core.files import write_bytes, write_text
from flows.repo import lockfile, record
from flows.repo.git import git
from flows.repo.record import Recorded
from flows.repo.workspace import Workspace
from flows.support import commands
from flows.support.secrets import without_credentials
from flows.support.settings import Settings, from_environment

logger = logging.getLogger(__name__)

_SHOWN = ("metrics/", "plots/evaluate", "reports/overlays")
_COMPARED = "metrics/evaluate.json"
REPORT = "reports/index.html"


def publish(workspace: Workspace, recorded: Recorded | None, before: str | None) -> None:
    """Create the artifacts of a run; what can't be had is said in the log and never fails the run."""
    from prefect.artifacts import create_link_artifact, create_markdown_artifact

    try:
        _pull_shown(workspace)
        _log_headline(workspace, recorded)
        create_markdown_artifact(
            page(workspace, _where(recorded, workspace.settings), before),
            key="pipeline-summary",
            description="metrics, difference to the last version, pictures",
        )
        if recorded and (report := _report(workspace, recorded)):
            logger.info(f"report: {report}")
            create_link_artifact(
                report,
                key="report",
                link_text=f"report of {recorded.version}",
                description=f"on the machine of this run: {report}",
            )
    except Exception as error:
        logger.info(without_credentials(f"the summary could not be made whole: {error}"))


def publish_here(folder: Path) -> None:
    """The same artifacts for a folder whose outputs lie in it and were not recorded."""
    from prefect.artifacts import create_link_artifact, create_markdown_artifact

    try:
        where = f"Made in {folder}, on commit `{git(folder, 'rev-parse', '--short=12', 'HEAD')}`; not recorded."
        before = record.version_before(folder, None)
        create_markdown_artifact(
            page(Workspace(folder, from_environment()), where, before),
            key="pipeline-summary",
            description="metrics, difference to the last version, pictures",
        )
        if (folder / REPORT).exists():
            create_link_artifact(
                (folder / REPORT).as_uri(),
                key="report",
                link_text="report of this folder",
                description=f"on the machine of this run: {folder / REPORT}",
            )
    except (Exception, SystemExit) as error:  # SystemExit: a setting that can't be meant
        logger.info(without_credentials(f"the summary could not be made whole: {error}"))


def page(workspace: Workspace, where: str, before: str | None) -> str:
    """The markdown page, by the folder's own code; `before` is the gto tag of the version to compare with.

    Only `where` for a commit whose code has no such page.
    """
    with tempfile.TemporaryDirectory() as place:
        written, old = Path(place) / "page.md", Path(place) / "before.json"
        compared = ["--version", before, "--before", str(old)] if before else []
        if before:
            write_text(old, _earlier(workspace.folder, before))
        try:
            commands.run(workspace, "stages.report.run_summary", "--out", str(written), "--where", where, *compared)
        except commands.Refused as error:
            logger.info(f"the summary only says where the outputs are: {error}")
            return f"# Pipeline run\n\n{where}\n"
        return written.read_text()


def _where(recorded: Recorded | None, settings: Settings) -> str:
    if recorded is None:
        return "Nothing changed: the commit's own dvc.lock stands."
    return (
        f"Version **{recorded.version}**, commit `{recorded.commit}` on branch `{recorded.branch}`.\n\n"
        f"Its outputs, in {'this project' if _is_own(settings.git, settings) else 'a clone'}: "
        f"`{_checkout(recorded, settings)} && {_pull(settings)}`. "
        f"The report alone: `{_pull(settings)} {REPORT}` there. Its versions: `gto show`."
    )


def _checkout(recorded: Recorded, settings: Settings) -> str:
    """Command that checks a record out; where no git remote is named, out of the repository of `make up`."""
    fetch = "git fetch"
    if _is_own(settings.git, settings):
        fetch += f" --tags {shlex.quote(settings.git)} {recorded.branch}"
    return f"{fetch} && git checkout {recorded.commit[:12]}"


def _pull(settings: Settings) -> str:
    """Command that fetches outputs; where the project names no DVC remote, out of the store of `make up`."""
    store = settings.remote or ""
    if not _is_own(store, settings):
        return "dvc pull"
    return f"dvc remote add -q -f --local own {shlex.quote(store)} && dvc pull -r own"


def _is_own(address: str, settings: Settings) -> bool:
    """Whether it is a folder in the server's home: other addresses may hold a password and are not shown."""
    return Path(address) in (settings.home / "git", settings.home / "store")


def _log_headline(workspace: Workspace, recorded: Recorded | None) -> None:
    """The version and its headline figures, by the folder's own code, where that can give them."""
    if recorded:
        logger.info(f"version {recorded.version}, commit {recorded.commit[:12]} on branch {recorded.branch}")
    try:
        _, lines = commands.run(workspace, "stages.report.headline")
    except commands.Refused as error:
        logger.info(f"no headline figures: {error}")
        return
    for line in lines.splitlines():
        if not line.startswith("Report"):  # a path in this workspace, which goes
            logger.info(line)


def _pull_shown(workspace: Workspace) -> None:
    workspace.pull([path for path in lockfile.outputs_of(workspace.folder) if path.startswith(_SHOWN)])


def _report(workspace: Workspace, recorded: Recorded) -> str | None:
    """Address of a copy of the report that outlives the workspace."""
    folder, settings = workspace.folder, workspace.settings
    if REPORT not in lockfile.outputs_of(folder):
        return None
    workspace.pull([REPORT])
    kept = settings.workspaces.parent / "reports" / recorded.commit[:12] / "index.html"
    write_bytes(kept, (folder / REPORT).read_bytes())
    return f"{settings.reports.rstrip('/')}/{recorded.commit[:12]}/index.html" if settings.reports else kept.as_uri()


def _earlier(folder: Path, tag: str) -> str:
    """Text of an earlier version's metrics; empty where they can't be had any more."""
    from dvc.api import read

    try:
        return str(read(_COMPARED, repo=str(folder), rev=tag))
    except Exception:  # DVC, git and each kind of remote raise their own; none is worth this run's summary
        return ""
