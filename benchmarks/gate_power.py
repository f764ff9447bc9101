"""How often the gate says what is true: `python benchmarks/gate_power.py [--trials 200]`.

Two models whose true AUROC is known answer freshly drawn gate studies (five labels, prevalence 0.2, two studies a
patient; scores normal around each class, half of the noise shared by the two models, a part of it by the studies of a
patient). Counted: how often each of the three comparisons of AUROC lets the challenger pass, by its true difference to
the champion and by the number of gate studies. By the rule of params.yaml. What no drawing can show: whether the gate
studies are like those that will come.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.amounts import positive
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

from cxr.model import probabilities  # before NumPy: `stages` settles the machine

import numpy as np  # isort: skip
from scipy.stats import binomtest, norm  # isort: skip

from cxr.metrics.comparisons import JudgedStudies, PairedComparison, Side, compare
from cxr.params import load
from cxr.params.production import Gate
from serving.gate import checks

LABELS, CHAMPION = tuple("ABCDE"), 0.85
SIZES = (150, 500, 1500)
OLD, NEW, WORST = (0.0, -0.02, -0.04), (-0.02, 0.0, 0.02, 0.05, 0.1), (0.0, -0.05, -0.1, -0.2)


def drawn(
    count: int, champion: list[float], challenger: list[float], rng: np.random.Generator
) -> tuple[JudgedStudies, Side, Side]:
    """Gate studies, and both models' answers, with these true AUROCs label by label."""
    shape = (count, len(LABELS))
    targets = (rng.random(shape) < 0.2).astype(np.float32)
    patients = np.arange(count) // 2
    of_patient = rng.standard_normal((patients[-1] + 1, len(LABELS)))[patients]
    shared = np.sqrt(0.3) * of_patient + np.sqrt(0.2) * rng.standard_normal(shape)
    sides = []
    for aurocs in (champion, challenger):
        noise = shared + np.sqrt(0.5) * rng.standard_normal(shape)
        logits = (targets * np.sqrt(2) * norm.ppf(aurocs) + noise).astype(np.float32)
        sides.append(Side(logits, probabilities.sigmoid(logits)))
    return JudgedStudies(LABELS, "multilabel", targets, tuple(map(str, patients))), sides[0], sides[1]


def compared(count: int, differences: list[float], rule: Gate, seed: int) -> PairedComparison:
    """One drawing, compared as the gate does."""
    aurocs = [CHAMPION + difference for difference in differences]
    studies, old, new = drawn(count, [CHAMPION] * len(LABELS), aurocs, np.random.default_rng(seed))
    return compare(studies, old, new, rule.min_cases, rule.bootstrap, rule.seed, rule.confidence)


def passes(question: str, count: int, difference: float, rule: Gate, trials: int) -> str:
    """Share of drawings that pass a question, with its 95 % interval, as text."""
    spread = [difference] * len(LABELS) if question != "worst label" else [difference] + [0.0] * (len(LABELS) - 1)
    ask: Callable[[PairedComparison], checks.Check]
    ask = {
        "old": lambda found: checks.not_worse_on_old(found, rule),
        "new": lambda found: checks.better_on_new(found, found, rule),
        "worst label": lambda found: checks.worst_label({"old": found}, rule),
    }[question]
    won = sum(bool(ask(compared(count, spread, rule, seed)).passed) for seed in range(trials))
    low, high = binomtest(won, trials).proportion_ci(method="wilson")
    return f"{won / trials:5.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Print a table for each question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=positive, default=200)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    given = parser.parse_args()
    rule = load(given.params).retrain.gate.model_copy(update={"bootstrap": 300})
    print(f"champion's AUROC {CHAMPION}, {given.trials} drawings each, {rule}")
    for question, differences in (("old", OLD), ("new", NEW), ("worst label", WORST)):
        print(
            f"\n{question}: share that passes\n{'true difference':>16s}"
            + "".join(f"{f'{size} studies':>22s}" for size in SIZES)
        )
        for difference in differences:
            cells = (passes(question, size, difference, rule, given.trials) for size in SIZES)
            print(f"{difference:16.2f}" + "".join(f"{cell:>22s}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
