"""`make down`: stop what `make up` started, with all that runs under it: flows, their stages, workers, the server.

The server goes last, so that the others can say to it what they leave.
"""

import signal
import sys
from pathlib import Path

import typer

from cxr.runtime import command_line
from flows.dispatch.pools import POOLS
from flows.server import services
from flows.support import settings

app = command_line.application()


@command_line.command(app, "0, 2 (wrong command line)")
def down() -> None:
    """Stop what `make up` started, with all that runs under it."""
    raise typer.Exit(_down())


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.down")


def _down() -> int:
    """0 always; says what was stopped."""
    home = settings.from_environment().own_home()
    names = [f"worker-{pool}" for pool in POOLS]
    workers = [pid for name in names if (pid := services.running(name, home)) is not None]
    flows = services.flows_of(home)
    under = services.below([*workers, *flows])
    services.signal_all(flows)
    stopped = [name for name in names if services.stop(name, home)]
    _end_rest(home, under)
    stopped += [f"{len(flows)} flows with their stages"] if flows else []
    stopped += ["server"] if services.stop("server", home) else []
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


def _end_rest(home: Path, under: dict[int, str]) -> None:
    """Wait for flows and stages; flows by force, whose end is the end of their stages; what is left by force."""
    late = services.below(begun := [pid for pid in services.flows_of(home) if pid not in under])
    services.signal_all(begun)  # by a worker, meanwhile
    if services.wait_for_end(under | late):
        services.signal_all(services.flows_of(home), signal.SIGKILL)
        services.signal_all(services.wait_for_end(under | late), signal.SIGKILL)
        services.wait_for_end(under | late)


if __name__ == "__main__":
    sys.exit(main())
