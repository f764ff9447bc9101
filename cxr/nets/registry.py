"""The nets by name. A net is the file `architectures/<name>.py`, whose `ARCHITECTURE` says how it is built.

Only the net that is asked for is imported; `names` imports none, and no TensorFlow.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxr.nets import architectures

if TYPE_CHECKING:
    import tf_keras as keras

Builder = Callable[[dict[str, Any], str | None], "keras.Model"]  # a spec, and `train.weights`


@dataclass(frozen=True)
class Architecture:
    """What the rest of the code has to know of a net."""

    build: Builder
    portable: bool  # whether a training gives the same bytes on every make of x86-64 (Keras's own nets use `rsqrt`)


def names() -> list[str]:
    """All nets that have a file, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(architectures.__path__))


def find(name: str) -> Architecture:
    """The net of that name; ValueError lists those that are known."""
    if name not in names():
        raise ValueError(f"net '{name}' is not known; known: {', '.join(names())}")
    module = importlib.import_module(f"{architectures.__name__}.{name}")
    architecture: Architecture = module.ARCHITECTURE
    return architecture
