"""Draws the story from what was measured: AUROC on each scanner's studies, the monitor's verdicts, what happened."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

_COLOURS = {"A": "#1b6ca8", "B": "#c0392b"}
_EVENTS = {
    "retrained": ("drift starts a retraining:\n{v} promoted", "#27ae60"),
    "poisoned": ("labels\nshuffled:\nrefused", "#8e44ad"),
    "rollback": ("rollback:\n{v}", "#d68910"),
}


def draw(steps: dict[str, Any], path: Path) -> None:
    """Write the figure as PNG; `steps` as in story.json, in the order of the story."""
    windows = [name for name in steps if name.startswith("window ")]
    figure, (above, below) = plt.subplots(2, 1, figsize=(10, 5.6), sharex=True, height_ratios=[4, 1])
    for scanner, colour in _COLOURS.items():
        seen = [
            (at, steps[name]["truth"][scanner]["auroc"])
            for at, name in enumerate(windows, 1)
            if scanner in steps[name]["truth"]
        ]
        above.plot(*zip(*seen, strict=True), "o-", color=colour, label=f"studies from scanner {scanner}")
    low, high = above.get_ylim()
    above.set_ylim(low - 0.01, high + 0.3 * (high - low))
    _events(above, steps, windows)
    above.set_ylabel("macro AUROC of the model in production\n(true labels, unknown to the monitor)")
    above.legend(loc="lower left", frameon=False)
    for at, name in enumerate(windows, 1):
        drifted = steps[name]["verdict"] == "drift"
        below.text(
            at,
            0.5,
            f"{steps[name]['verdict']}\n{steps[name]['truth']['version']}",
            ha="center",
            va="center",
            color="white",
            bbox={"boxstyle": "round", "facecolor": "#c0392b" if drifted else "#7f8c8d", "edgecolor": "none"},
        )
    below.set_yticks([])
    below.set_ylabel("monitor")
    below.set_xlabel("window of 200 studies, as they arrive, and their scanners")
    scanners = ["+".join(name for name in _COLOURS if name in steps[window]["truth"]) for window in windows]
    below.set_xticks(range(1, len(windows) + 1), [f"{at}\n{each}" for at, each in enumerate(scanners, 1)])
    below.set_xlim(0.5, len(windows) + 0.5)
    for side in ("top", "right", "left"):
        below.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _events(axes: Any, steps: dict[str, Any], windows: list[str]) -> None:
    """A line between two windows for each thing that happened, with its words."""
    (low, high), order = axes.get_ylim(), list(steps)
    for name, (words, colour) in _EVENTS.items():
        if name not in steps:
            continue
        at = sum(order.index(window) < order.index(name) for window in windows) + 0.5
        axes.axvline(at, color=colour, linestyle="--", linewidth=1.2)
        axes.text(
            at + 0.04,
            high - 0.02 * (high - low),
            words.format(v=steps[name]["version"]),
            color=colour,
            va="top",
            fontsize=9,
        )
