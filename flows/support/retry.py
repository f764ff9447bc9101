"""Waits for a git or DVC remote that is gone for a while. `flows.server.client` waits for a server."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from flows.repo.git import HandOverFailed
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0  # seconds between tries


def retry(action: Callable[[], T], what: str, settings: Settings) -> T:
    """The action's value; HandOverFailed is tried again with growing pauses, and logged, until patience is over.

    Patience is the settings', or the failure's own where that is shorter (a refusal is not worth asking again).
    """
    begun, pause = time.monotonic(), _FIRST_PAUSE
    while True:
        try:
            return action()
        except HandOverFailed as error:
            if time.monotonic() + pause > begun + min(settings.patience, error.patience):
                raise
            logger.info(f"{what}: {error}; trying again in {pause:.0f} s")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
