"""Where flows' log records go: a command's terminal, or the log of a Prefect run (`flows.deployments.run_log`).

Library-like code of flows logs to its module's logger and prints nothing; a command's own result is printed by it.
"""

import logging
import sys
from typing import Any

from flows.support.secrets import without_credentials

TOP = logging.getLogger("flows")


class _Masking(logging.Filter):
    """Takes passwords and other secrets out of a record before anybody formats it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record's message; every record passes."""
        record.msg, record.args = without_credentials(record.getMessage()), ()
        return True


class _Terminal(logging.StreamHandler[Any]):
    """Bare messages on standard output, whatever that is when a message comes (tests exchange it)."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message as a line."""
        self.stream = sys.stdout
        super().emit(record)


def send_to(handler: logging.Handler) -> None:
    """Send what flows log to this handler, secrets masked, and no longer to the one that was named before."""
    handler.addFilter(_Masking())
    TOP.handlers = [handler]
    TOP.setLevel(logging.INFO)
    TOP.propagate = False  # Prefect gives the root logger a terminal of its own: everything would be shown twice


def show_in_terminal() -> None:
    """For commands: bare messages on standard output, as they come."""
    send_to(_Terminal())
