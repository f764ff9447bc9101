"""What is in production on this machine; `python -m stages.production install|show|rollback`. See `folder`."""
from stages.production.folder import (
    NothingBefore,
    NothingInProduction,
    Release,
    current,
    history,
    install,
    place,
    previous,
    rollback,
)

__all__ = ["NothingBefore", "NothingInProduction", "Release", "current", "history", "install", "place", "previous",
           "rollback"]
