"""`make promote VERSION=v0.0.3`: a recorded version into production by hand; through the gate, where a model stands
there. `make rollback`: back to the one before, with one command, also where git's remote or the server is gone.

Both report to the server of PREFECT_API_URL, or else to the one that `make up` started here, as flow runs that the
browser shows; they are deployed, too (`promote`, `rollback`).
"""

import os
import sys
from typing import Annotated

import typer

from cxr.runtime import command_line
from flows.release import promotion
from flows.repo.git import HandOverFailed
from flows.server import environment, services
from flows.support import commands, logs
from flows.support.secrets import without_credentials
from flows.support.settings import Settings

KEPT = 3  # exit status where the champion stays


app = command_line.application()
_MENDABLE = (commands.Refused, HandOverFailed, promotion.MainMoved, promotion.TagBehind)
_WHICH = typer.Argument(
    help="a version that a pipeline run recorded, for example v0.0.3", metavar="VERSION", show_default=False
)
_OPTION = typer.Option(help="the same", hidden=True)
_BACK = typer.Option("--rollback", help="the same as `cxr rollback`", hidden=True)


@command_line.command(
    app,
    "0, 3 (the gate keeps what is in production), 1 (something else stands in the way), 2 (wrong command line)",
    mendable=_MENDABLE,
)
def promote(
    which: Annotated[str | None, _WHICH] = None,
    version: Annotated[str | None, _OPTION] = None,
    rollback: Annotated[bool, _BACK] = False,
) -> None:
    """Put a recorded version into production; through the gate, where a model stands there."""
    if [which, version, rollback or None].count(None) != 2:
        raise typer.BadParameter("name one version", param_hint="VERSION")
    try:
        done(which or version)
    except promotion.ChampionStays as stays:
        command_line.show("", stays)
        raise typer.Exit(KEPT) from None


def done(version: str | None) -> None:
    """Promote a version, or roll back where none is given, as a flow run where a server is there; say what was done."""
    settings = environment.at_home()
    if version:
        promotion.demand_recorded(version, settings)  # before a flow begins, which would show a traceback
    print(_reported(version) if _server(settings) else _in_process(version, settings))


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.promote")


def _in_process(version: str | None, settings: Settings) -> str:
    logs.show_in_terminal()
    return promotion.promote(version, settings) if version else promotion.rollback(settings)


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
    print(
        f"no Prefect server answers at {without_credentials(api)} (or not without CXR_AUTH): nothing is reported",
        file=sys.stderr,
    )
    return False


def _reported(version: str | None) -> str:
    from flows.deployments import promote as flow  # imports Prefect, which takes seconds

    if version:
        return flow.promote.with_options(flow_run_name=f"make promote {version}")(version)
    return flow.rollback.with_options(flow_run_name="make rollback")()


if __name__ == "__main__":
    sys.exit(main())
