"""What a check costs: `python benchmarks/drift_speed.py --model FOLDER [--studies 10000]`, run in the model's project.

The whole of `cxr monitor` on a log of so many studies with labels (starting, reading log and reference,
comparing, report), and its parts; beside the plain method (Kolmogorov-Smirnov on each statistic, feature, probability).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from benchmarks.amounts import positive
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

import drift_stream as stream
import pandas as pd
import pyarrow as pa

from benchmarks.drift_windows import judged, plain, window
from cxr.imaging.statistics import NAMES
from cxr.model import model_folder
from cxr.params import load
from serving.log import labels as feedback
from serving.log import scoring_log
from serving.monitor.command import DRIFTED
from serving.monitor.compare import prepare
from serving.registry import releases


def log_of(table: pd.DataFrame, model: str) -> pa.Table:
    """The table in the scoring log's columns and types."""
    count = len(table)
    at = [pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(seconds=i) for i in range(count)]
    words = {
        "image_id": table["image_id"],
        "source": table["image_id"] + ".png",
        "view": table["view"],
        "model": [model] * count,
        "version": ["benchmark"] * count,
    }
    numbers = {name: pa.array(table[name], pa.float32()) for name in (*NAMES, "latency_ms")}
    sides = {name: pa.array(table[name], pa.int32()) for name in ("width", "height")}
    answers = {name: pa.array(table[name]) for name in table if name.startswith(("logit_", "probability_"))}
    return pa.table(
        {
            **{name: pa.array(values, pa.string()) for name, values in words.items()},
            **numbers,
            **sides,
            **answers,
            "scored_at": pa.array(at, pa.timestamp("us", "UTC")),
            "bit_depth": pa.array(table["bit_depth"], pa.int16()),
            "features": pa.array(list(table["features"]), pa.list_(pa.float32())),
        }
    )


def label_all(folder: Path, table: pd.DataFrame, labels: Sequence[str]) -> None:
    """Feedback on every study and label, by the command that users take."""
    truth = table[["image_id", *(f"target_{label}" for label in labels)]].drop_duplicates("image_id")
    path = folder.parent / "labels.csv"
    truth.rename(columns=lambda name: name.removeprefix("target_")).to_csv(path, index=False)
    feedback.add(folder, path, table.assign(source=table["image_id"]), labels)


def check(command: list[str], studies: int) -> None:
    """One check; SystemExit where it did not judge all studies and their labels."""
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    said = f"{studies} studies ({studies} labelled; accuracy on {studies})"
    if ended.returncode not in (0, DRIFTED) or said not in ended.stdout:
        raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")


def seconds(work: Callable[[], object]) -> float:
    """The best of three runs: other work on the machine only adds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main(arguments: list[str]) -> int:
    """Print the seconds of the whole check and of its parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--studies", type=positive, default=10_000)
    parser.add_argument("--cache", type=Path, default=Path(".cache/drift"))
    given = parser.parse_args(arguments)
    params = load()
    prepared = prepare(model_folder.read_reference(given.model), model_folder.read_card(given.model))
    parts = range(-(-given.studies // stream.PART))
    table = stream.studies(given.model, params.phantom, parts, stream.Shift(), given.cache)[: given.studies]
    part = window(table.drop_duplicates("image_id"), prepared)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "production"
        release = releases.install(place, given.model, "benchmark", "", {"p50_ms": 1.0, "p95_ms": 2.0})
        scoring_log.append(place / "log", log_of(table, release.identity))
        label_all(place / "feedback", table, prepared.labels)
        command = [sys.executable, "-m", "serving.monitor", "--production", str(place), "--window", str(given.studies)]
        whole = seconds(lambda: check(command, len(part)))
        reading = seconds(lambda: scoring_log.read(place / "log"))
    ours = seconds(lambda: judged(prepared, part, params.monitor))
    others = seconds(lambda: plain(prepared, part, params.monitor.alpha))
    print(
        f"{len(part)} studies: cxr monitor {whole:.2f} s, of it reading {reading:.2f} s; comparing "
        f"with labels {ours:.2f} s, {ours / others:.1f} times plain KS ({others:.2f} s)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
