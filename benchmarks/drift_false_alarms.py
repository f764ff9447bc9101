"""How often the monitor cries wolf: `python benchmarks/drift_false_alarms.py --model FOLDER [--windows 500]`.

Windows of freshly rendered phantoms of the model's own distribution (params.yaml's section `phantom`), other patients,
disjoint, none used twice at one size. Reported: the share of windows whose verdict is "drift" with its 95 % interval
(Clopper & Pearson 1934), and the same for the plain method: Kolmogorov-Smirnov on each column with Bonferroni.
What was rendered stays in --cache: the same command goes on where it was stopped; `--minutes` stops it in time, and it
says how many windows it had. `--references 20` takes freshly rendered references too, a twentieth of the windows each:
one reference may be a lucky or an unlucky draw.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.amounts import finite, natural, positive
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

import drift_stream as stream
import numpy as np
from scipy import stats

from benchmarks.drift_windows import judged, plain, window
from cxr.imaging.statistics import NAMES
from cxr.model import model_folder, reference
from cxr.model.card import ModelCard
from cxr.params import load
from serving.monitor.compare import Prepared, prepare
from serving.monitor.rule import verdict

_REFERENCES = 900  # parts from here on are references


def interval(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share."""
    found = stats.binomtest(hits, count).proportion_ci(method="exact")
    return float(found.low), float(found.high)


def line(name: str, hits: int, count: int) -> str:
    """A share with its interval, in percent."""
    low, high = interval(hits, count)
    return f"{name}: {hits} of {count} = {hits / count:.1%} [{low:.1%}, {high:.1%}]"


def redrawn(given: argparse.Namespace, params: object, card: ModelCard) -> list[Prepared]:
    """References of freshly rendered studies, none of them in a window."""
    made = []
    for k in range(given.references):
        table = stream.studies(
            given.model, params, range(_REFERENCES + k, _REFERENCES + k + 1), stream.Shift(), given.cache
        )[: given.studies]
        columns = {name: table[name].to_numpy() for name in ("width", "height", "bit_depth")}
        logits, targets = (
            table[[f"{what}_{label}" for label in card.labels]].to_numpy() for what in ("logit", "target")
        )
        made.append(
            prepare(
                reference.Reference(
                    patient=np.unique(table["patient"], return_inverse=True)[1],
                    view=table["view"].to_numpy(np.str_),
                    names=np.array(NAMES),
                    statistics=table[list(NAMES)].to_numpy(),
                    logits=logits,
                    targets=targets,
                    features=np.stack(table["features"].tolist()),
                    **columns,
                ),
                card,
            )
        )
    return made


def rendered(given: argparse.Namespace, params: object, size: int) -> int:
    """Render until the windows are there or the time is over; how many windows of this size there are."""
    parts, stop = -(-given.windows * size // stream.PART), time.monotonic() + 60 * given.minutes
    while (ready := stream.ready(given.model, params, stream.Shift(), given.cache, parts)) < parts:
        if time.monotonic() > stop:
            break
        stream.studies(given.model, params, range(ready, min(ready + 8, parts)), stream.Shift(), given.cache)
    return min(given.windows, ready * stream.PART // size)


def main(arguments: list[str]) -> int:
    """Print a line for each size of window."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--windows", type=positive, default=500)
    parser.add_argument("--sizes", type=positive, nargs="+", default=[50, 200, 1000])
    parser.add_argument("--minutes", type=finite, default=1e6, help="stop rendering after so many")
    parser.add_argument("--references", type=natural, default=0, help="how often to redraw it (default: the model's)")
    parser.add_argument("--studies", type=positive, default=827, help="studies in a redrawn reference, at most 1,000")
    parser.add_argument("--cache", type=Path, default=Path(".cache/drift"))
    given = parser.parse_args(arguments)
    params, card = load(), model_folder.read_card(given.model)
    references = redrawn(given, params.phantom, card) or [prepare(model_folder.read_reference(given.model), card)]
    print(f"references: {[(len(r.studies), int(r.patient.max()) + 1) for r in references]} (studies, patients)")
    for size in given.sizes:
        count = rendered(given, params.phantom, size)
        table = stream.studies(
            given.model, params.phantom, range(-(-count * size // stream.PART)), stream.Shift(), given.cache
        )
        causes: Counter[str] = Counter()
        alarms, baseline = 0, 0
        for k in range(count):
            prepared = references[k % len(references)]
            part = window(table[k * size : (k + 1) * size], prepared)
            found = judged(prepared, part, params.monitor)
            alarms += verdict(found)[0] == "drift"
            causes.update(j.comparison.name for j in found if j.drifted)
            baseline += plain(prepared, part, params.monitor.alpha)
        print(
            f"window of {size}:\n  "
            + line("verdict", alarms, count)
            + "\n  "
            + line("plain KS", baseline, count)
            + f"\n  raised by {dict(causes.most_common(5))}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    sys.exit(main(sys.argv[1:]))
