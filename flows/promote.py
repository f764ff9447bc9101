"""`make promote VERSION=v0.0.3`: a recorded version into production by hand; through the gate, where a model stands
there. `make rollback`: back to the one before, with one command, also where git's remote or the server is gone.

Both report to the server of PREFECT_API_URL, or else to the one that `make up` started here, as flow runs that the
browser shows; they are deployed, too (`promote`, `rollback`).
"""
import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from flows.release import add_batches, gate, promotion
from flows.repo import record, workspace
from flows.repo.git import HandOverFailed, git
from flows.server import environment, services
from flows.support import commands, logs
from flows.support.secrets import without_credentials
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

KEPT = 3  # exit status where the champion stays


class Kept(Exception):
    """The gate kept the champion; the message says why."""


class TagBehind(Exception):
    """Production was rolled back, but gto's stage could not follow; the message says what to do."""


def promote(version: str, settings: Settings, show: Callable[[gate.Verdict], None] | None = None) -> str:
    """Promote a version; what was done, in words. Kept, Refused, HandOverFailed, MainMoved.

    The version that is in production already goes through no gate: main, stage and folder are put right.
    """
    folder = settings.workspaces / f"promote-{os.getpid()}"
    try:
        add_batches.open_main(folder, settings)
        commit = _commit_of(folder, version)
        gate.prepare(folder, commit, settings)
        in_use = promotion.current(settings)
        if in_use and in_use.current.version != version:
            verdict = gate.judge(folder, commit, version, settings)
            if show:
                show(verdict)
            if not verdict.promote:
                raise Kept(f"{in_use.current.version} stays: " + "; ".join(verdict.reasons))
        promotion.promote(folder, commit, version, settings)
    finally:
        workspace.remove(folder)
    return f"{version} is in production" + ("" if in_use else " (the first: there was nothing to compare it with)")


def rollback(settings: Settings) -> str:
    """Back to the release before: this machine's production first, then gto's stage. Refused where there is none;
    TagBehind where production is back but the stage is not."""
    before = commands.answer(settings.project, settings, "serving.registry", "rollback", "--to-be")
    _, said = commands.run(settings.project, settings, "serving.registry", "rollback")
    logger.info(said.strip())
    folder = settings.workspaces / f"rollback-{os.getpid()}"
    try:
        add_batches.open_main(folder, settings)
        promotion.assign(folder, before["version"])
    except Exception as error:  # whatever it is, production is back already: say so, and what is left to do
        raise TagBehind(f"production is back at {before['version']}, but gto's stage could not follow: {error}; "
                        f"later: make promote VERSION={before['version']}") from error
    finally:
        workspace.remove(folder)
    return f"{before['version']} is in production again"


def _commit_of(folder: Path, version: str) -> str:
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", f"refs/tags/{record.MODEL}@{version}^{{commit}}")
    except HandOverFailed:
        known = git(folder, "tag", "--list", f"{record.MODEL}@v*", "--sort=-v:refname").splitlines()
        raise HandOverFailed(f"no version {version} is recorded; known: "
                             f"{', '.join(tag.partition('@')[2] for tag in known[:8]) or 'none (make run records one)'}"
                             ) from None


def main(arguments: list[str]) -> int:
    """0; 3 where the gate keeps the champion; 1 where something else stands in the way."""
    parser = argparse.ArgumentParser(prog="python -m flows.promote", description=__doc__)
    parser.add_argument("--version", help="a version that a pipeline run recorded, for example v0.0.3")
    parser.add_argument("--rollback", action="store_true", help="go back to the release before")
    given = parser.parse_args(arguments)
    if bool(given.version) == given.rollback:
        parser.error("give --version or --rollback")
    settings = environment.at_home()
    try:
        print(_reported(given.version) if _server(settings) else _plain(given.version, settings))
    except Kept as kept:
        print(kept, file=sys.stderr)
        return KEPT
    except (commands.Refused, HandOverFailed, promotion.MainMoved, TagBehind) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _plain(version: str | None, settings: Settings) -> str:
    logs.show_in_terminal()
    return promote(version, settings) if version else rollback(settings)


def _server(settings: Settings) -> bool:
    """Whether a Prefect server is there to report to; its variables are set. One that does not answer, or not to this
    password, is said, and nothing waits for it: a rollback is for bad days."""
    if not os.environ.get("PREFECT_API_URL"):
        if services.running("server", settings.own_home()) is None:
            return False
        environment.use_own_server(settings)
    api = os.environ["PREFECT_API_URL"]
    if services.answers(api, "/admin/version", os.environ.get("PREFECT_API_AUTH_STRING", "")):
        return True
    print(f"no Prefect server answers at {without_credentials(api)} (or not without CXR_AUTH): nothing is reported",
          file=sys.stderr)
    return False


def _reported(version: str | None) -> str:
    from flows.deployments import promote as flow  # imports Prefect, which takes seconds

    if version:
        return flow.promote.with_options(flow_run_name=f"make promote {version}")(version)
    return flow.rollback.with_options(flow_run_name="make rollback")()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
