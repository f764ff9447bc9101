"""`make rollback`: back to the release before, with one command, also where git's remote or the server is gone."""

import sys

from cxr.runtime import command_line
from flows.promote import done
from flows.release import promotion
from flows.repo.git import HandOverFailed
from flows.support import commands

app = command_line.application()


@command_line.command(
    app,
    "0, 1 (there is none, or gto's stage could not follow), 2 (wrong command line)",
    mendable=(commands.Refused, HandOverFailed, promotion.TagBehind),
)
def rollback() -> None:
    """Go back to the release before: this machine's production first, then gto's stage."""
    done(None)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.rollback")


if __name__ == "__main__":
    sys.exit(main())
