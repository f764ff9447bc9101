"""What drift the monitor finds, and how small: `python benchmarks/drift_power.py --model FOLDER [--windows 25]`.

Graded shifts of freshly rendered phantoms, `--windows` disjoint windows of `--size` studies each, none with labels; the
share in which the verdict is "drift", beside that of the plain method (Kolmogorov-Smirnov on each statistic, pooled
feature and probability, Bonferroni), which raises false alarms (see drift_false_alarms.py) and so is flattered here.
"Least" is the smallest grade tried from which on at least 80 % of the windows are found; "or less" stands beside it
where it is the smallest of all. The third scanner is in no model's training. Run in the folder of the model's
params.yaml; the same command goes on where it was stopped. `--figure power.png` draws it.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.amounts import positive
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

import drift_stream as stream
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks.drift_windows import judged, plain, window
from cxr.model import model_folder
from cxr.params import load
from cxr.params.production import Monitor
from serving.monitor.compare import Prepared, prepare
from serving.monitor.rule import verdict

FIRST_PART = 0
# The lowest grades are as good as nothing in 8 bits: 0.3 % less contrast changes no pixel, 0.4 % those at the ends.
_STEPS = {
    "contrast": (0.003, 0.004, 0.006, 0.01, 0.02),
    "noise": (0.5, 1.0, 2.0, 3.0, 4.0),
    "blur": (0.3, 0.35, 0.4, 0.5, 0.75),
    "prevalence": (0.18, 0.22, 0.28, 0.35),
}
_MIXED = {
    "second scanner, share": (stream.Shift(scanner="B"), (0.05, 0.1, 0.2, 0.3, 0.5)),
    "third scanner (unseen), share": (stream.Shift(scanner=stream.UNSEEN), (0.05, 0.1, 0.2, 0.3, 0.5)),
    "inverted, share": (stream.Shift(pixels=("invert", 1.0)), (0.02, 0.05, 0.1, 0.2)),
    "all AP, share": (stream.Shift(view="AP"), (0.05, 0.1, 0.2, 0.4, 0.7)),
}
_UNITS = {
    "contrast": "contrast lost, share",
    "noise": "noise added, grey levels",
    "blur": "blur, 256ths of the side",
    "prevalence": "prevalence of each finding",
}
Results = dict[str, list[tuple[float, float, float]]]  # by kind: grade, share found by the monitor, by plain KS
Streams = Iterator[tuple[str, float, pd.DataFrame]]


def streams(given: argparse.Namespace, params: object, parts: range) -> Streams:
    """(kind of shift, its grade, studies) of every condition."""

    def made(shift: stream.Shift) -> pd.DataFrame:
        """The studies of a shift, each grade of all the same patients."""
        return stream.studies(given.model, params, parts, shift, given.cache)

    calm = made(stream.Shift())
    yield "none", 0.0, calm
    draw = np.random.default_rng(4).random(len(calm))
    for kind, (shift, shares) in _MIXED.items():
        other = made(shift)
        for share in shares:
            yield kind, share, pd.concat([calm[draw >= share], other[draw < share]]).sort_index()
    for kind, grades in _STEPS.items():
        for grade in grades:
            shift = stream.Shift(prevalence=grade) if kind == "prevalence" else stream.Shift(pixels=(kind, grade))
            yield _UNITS[kind], grade, made(shift)


def found(table: pd.DataFrame, prepared: Prepared, given: argparse.Namespace, section: Monitor) -> tuple[float, float]:
    """Shares of the windows in which the monitor, and the plain method, say drift."""
    hits = []
    for k in range(given.windows):
        part = window(table[k * given.size : (k + 1) * given.size], prepared, labelled=False)
        hits.append((verdict(judged(prepared, part, section))[0] == "drift", plain(prepared, part, section.alpha)))
    ours, others = np.mean(hits, axis=0)
    return float(ours), float(others)


def least(grades: list[float], shares: list[float]) -> str:
    """The smallest grade from which on every share is at least 0.8."""
    enough = [all(share >= 0.8 for share in shares[i:]) for i in range(len(shares))]
    if not any(enough):
        return "none tried"
    return f"{grades[enough.index(True)]:g}" + (" or less" if enough[0] else "")


def draw(results: Results, prevalence: float, path: Path) -> None:
    """A panel for each kind of shift: share of windows found against the grade; `prevalence` is that of no shift."""
    figure, panels = plt.subplots(3, 3, figsize=(10, 7.6), sharey=True)
    for panel, (kind, rows) in zip(panels.flat, list(results.items())[1:], strict=False):
        none = prevalence if kind == _UNITS["prevalence"] else 0.0
        grades, ours, others = zip(*[(none, *results["none"][0][1:]), *rows], strict=True)
        panel.plot(grades, ours, "o-", color="#1b6ca8", label="monitor")
        panel.plot(grades, others, "s--", color="#c0392b", label="plain KS")
        panel.axhline(0.8, color="#999999", linewidth=0.8)
        panel.set_title(kind, fontsize=10)
        panel.set_ylim(-0.03, 1.03)
    for panel in panels.flat[len(results) - 1 :]:
        panel.set_axis_off()
    panels.flat[-1].legend(*panels.flat[0].get_legend_handles_labels(), loc="center", frameon=False)
    figure.supylabel("share of windows found")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main(arguments: list[str]) -> int:
    """Print found shares for each kind and grade, then the least grades; draw them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--windows", type=positive, default=25)
    parser.add_argument("--size", type=positive, default=200)
    parser.add_argument("--cache", type=Path, default=Path(".cache/drift"))
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args(arguments)
    params, prepared = load(), prepare(model_folder.read_reference(given.model), model_folder.read_card(given.model))
    parts = range(FIRST_PART, FIRST_PART - (-given.windows * given.size // stream.PART))
    results: Results = {}
    print(f"{given.windows} windows of {given.size}; share found by the monitor, by plain KS")
    for kind, grade, table in streams(given, params.phantom, parts):
        ours, others = found(table, prepared, given, params.monitor)
        results.setdefault(kind, []).append((grade, ours, others))
        print(f"{kind} {grade:g}: {ours:.0%}, {others:.0%}", flush=True)
    print("least found in 80 % of the windows: kind, monitor, plain KS")
    for kind, rows in list(results.items())[1:]:
        grades, by_monitor, by_plain = (list(column) for column in zip(*rows, strict=True))
        print(f"{kind}: {least(grades, by_monitor)}, {least(grades, by_plain)}")
    if given.figure:
        draw(results, params.phantom.prevalence, given.figure)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
