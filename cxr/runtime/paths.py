"""Where what is neither input nor output lies: counts of work done, and caches that may be thrown away."""

from pathlib import Path

from cxr.core import environment

RUNS = Path(".runs")


def cache(name: str) -> Path:
    """Folder of the cache of that name below `.cache`, or below CXR_CACHE where that is set."""
    return environment.cache() / name
