"""How far two machines' answers lie apart, where a machine cannot give the same bytes (another CPU family, a GPU).

    python benchmarks/across_machines.py FIRST [SECOND] [--tolerance 1e-4]

FIRST and SECOND are `data/predictions.parquet` of two runs with the same params.yaml, or top folders of two checkouts;
SECOND is this checkout where it is not given. What was made elsewhere comes by `dvc get REPOSITORY
data/predictions.parquet` or `dvc pull`. For each variant: the largest and the mean difference of a test image's logit,
the largest of its calibrated probability, and how many logits differ at all; of two checkouts, which outputs differ.
Exit status 1 where a logit differs by more than the tolerance.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
import pandas as pd

from benchmarks.amounts import finite
from flows.repo.lockfile import differences, outputs_of

PREDICTIONS = "data/predictions.parquet"
XNNPACK = 1e-4  # what is held where the served nets ran on another instruction set; measured: 0


@dataclass(frozen=True)
class Apart:
    """Differences of one variant's answers: of logits, of probabilities, and the number of logits that differ."""

    images: int
    labels: int
    largest: float
    mean: float
    probability: float
    differing: int


def table_of(place: Path) -> pd.DataFrame:
    """Predictions of a checkout or a file, one row for each variant and image; ValueError where there are none."""
    path = place / PREDICTIONS if place.is_dir() else place
    if not path.is_file():
        raise ValueError(f"{path} is not there: run `dvc repro evaluate` or `dvc pull {PREDICTIONS}` in its checkout")
    return pd.read_parquet(path).set_index(["variant", "image_id"]).sort_index()


def compare(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, Apart]:
    """Variant to its differences; ValueError where the two are not of the same variants, images and labels."""
    if not first.index.equals(second.index) or list(first.columns) != list(second.columns):
        raise ValueError(
            "the two are not predictions of the same variants, images and labels: "
            "compare two runs with the same params.yaml and data"
        )
    found = {}
    for variant in first.index.get_level_values("variant").unique():
        a, b = first.loc[variant], second.loc[variant]
        logits = np.abs(a.filter(regex="^logit_").to_numpy() - b.filter(regex="^logit_").to_numpy())
        chances = np.abs(a.filter(regex="^probability_").to_numpy() - b.filter(regex="^probability_").to_numpy())
        found[str(variant)] = Apart(
            logits.shape[0],
            logits.shape[1],
            float(logits.max()),
            float(logits.mean()),
            float(chances.max()),
            int(np.count_nonzero(logits)),
        )
    return found


def main(arguments: list[str]) -> int:
    """Print the table; see the module's first lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path, nargs="?", default=ROOT)
    parser.add_argument("--tolerance", type=finite, default=XNNPACK, help="of a logit, absolute")
    options = parser.parse_args(arguments)
    try:
        found = compare(table_of(options.first), table_of(options.second))
    except ValueError as error:
        print(f"across_machines: {error}", file=sys.stderr)
        return 1
    print(f"{'variant':<14}{'images':>8}{'largest |logit|':>17}{'mean':>10}{'largest |prob.|':>17}  logits that differ")
    for variant, apart in found.items():
        print(
            f"{variant:<14}{apart.images:>8}{apart.largest:>17.2e}{apart.mean:>10.1e}{apart.probability:>17.2e}"
            f"  {apart.differing} of {apart.images * apart.labels}"
        )
    if options.first.is_dir() and options.second.is_dir():
        differing = differences(outputs_of(options.first), outputs_of(options.second))
        print("outputs that differ:", *(differing or ["none"]), sep="\n  ")
    too_far = [variant for variant, apart in found.items() if not apart.largest <= options.tolerance]
    print(
        f"more than {options.tolerance:g} apart: {', '.join(too_far)}"
        if too_far
        else f"all within the tolerance of {options.tolerance:g}"
    )
    return 1 if too_far else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
