"""`python -m flows.pipeline [--set train.epochs=2 ...]`: run what is stale, here, with each stage's live output.

A plain function (`flows.repo.reproduce`); where PREFECT_API_URL is set a Prefect flow wraps it and reports there.
Without, no server is started and Prefect is not even imported. Dispatch to workers is `flows.deployments.pipeline`'s.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cxr.runtime import command_line
from flows.repo.reproduce import PipelineFailed, run
from flows.support import logs, overrides

app = command_line.application()


@command_line.command(
    app,
    "0, 1 (a parameter), DVC's own where a stage failed, 2 (wrong command line), 130 (stopped)",
    mendable=(overrides.OverrideError,),
)
def pipeline(parameters: Annotated[list[str] | None, overrides.OPTION] = None) -> None:
    """Run what is stale, here, with each stage's live output; as a flow run where PREFECT_API_URL is set."""
    given = overrides.parse(parameters or [])
    try:
        if os.environ.get("PREFECT_API_URL"):
            from flows.deployments.pipeline import pipeline_here  # imports Prefect, which takes seconds

            pipeline_here(given)
        else:
            logs.show_in_terminal()
            run(Path.cwd(), given)
    except PipelineFailed as failed:
        command_line.show("", failed)
        raise typer.Exit(failed.status) from None
    except KeyboardInterrupt:
        command_line.show("", "interrupted: the same command goes on where it stopped")
        raise typer.Exit(130) from None


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.pipeline")


if __name__ == "__main__":
    sys.exit(main())
