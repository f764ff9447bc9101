"""`cxr run [--set train.epochs=2]`: run this checkout's commit on the workers, and watch.

Refuses a dirty tree and a commit that is not pushed (a checkout without a git remote is pushed to `.prefect/git`).
Talks to the server of `make up`, or to that of PREFECT_API_URL.
"""

import sys
from typing import Annotated

import typer

from cxr.runtime import command_line
from flows import up
from flows.repo import git
from flows.repo.git import HandOverFailed, NotPinned
from flows.server import environment
from flows.support import overrides
from flows.support.settings import from_environment

DEPLOYMENT = "pipeline/pipeline"


app = command_line.application()


@command_line.command(
    app,
    "0 (the run completed), 1 (it was refused, or ended otherwise), 2 (wrong command line)",
    mendable=(NotPinned, HandOverFailed, overrides.OverrideError),
)
def submit(
    parameters: Annotated[list[str] | None, overrides.OPTION] = None,
    force: Annotated[bool, typer.Option("--force", help="take over nothing from earlier runs")] = False,
) -> None:
    """Run this checkout's commit on the workers, and watch."""
    settings, given = from_environment(), overrides.parse(parameters or [])
    overrides.check(settings.project / "params.yaml", given)
    up.push_own(settings)
    commit = git.pinned(settings.project, settings.git)
    up.push_objects(settings)
    asked = {"revision": commit, "parameters": given, "force": force}
    raise typer.Exit(environment.run_deployment(DEPLOYMENT, asked, settings))


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.submit")


if __name__ == "__main__":
    sys.exit(main())
