"""`make retrain`: train on what waits in production/inbox, judge it, promote it or keep what is in production.

`cxr retrain` starts a run of the deployment `retrain/retrain` and watches it; with `--here` everything is
done in this process, without a server.
"""

import sys
from typing import Annotated

import typer

from cxr.runtime import command_line
from flows.release import promotion, retraining, rounds
from flows.repo import git, workspace
from flows.server import environment
from flows.support import commands, logs
from flows.support.settings import from_environment

DEPLOYMENT = "retrain/retrain"


app = command_line.application()
_MENDABLE = (retraining.NothingToBeat, commands.Refused, git.HandOverFailed, workspace.StageFailed, promotion.MainMoved)


@command_line.command(
    app,
    "0 (it ended well, whatever the verdict), 1 (it did not), 2 (wrong command line)",
    speaker="retrain",
    mendable=_MENDABLE,
)
def retrain(here: Annotated[bool, typer.Option("--here", help="in this process, without a server")] = False) -> None:
    """Train on what waits in production/inbox, judge it, promote it or keep what is in production."""
    if not here:
        raise typer.Exit(environment.run_deployment(DEPLOYMENT, {"cause": {"by": "hand"}}, from_environment()))
    settings = environment.at_home()
    logs.show_in_terminal()
    ended, why = rounds.run(settings, rounds.InProcessSteps())
    print(f"retrain: {why or ended.reached['outcome']}")


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.retrain")


if __name__ == "__main__":
    sys.exit(main())
