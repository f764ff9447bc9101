"""`make down`: stop what `make up` started; workers first, so that they can say to the server what they leave."""
import sys

from flows import services, settings
from flows.pools import POOLS


def main() -> int:
    """0 always; says what was stopped."""
    home = services.home(settings.from_environment().project)
    stopped = [name for name in (*(f"worker-{pool}" for pool in POOLS), "server") if services.stop(name, home)]
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


if __name__ == "__main__":
    sys.exit(main())
