"""Seconds that the stage validate takes on a table as long as NIH's: `python benchmarks/validate_speed.py [rows]`.

The command as `dvc repro` runs it, from the start of Python to the last byte of the Data Docs, on a made-up manifest of
112,120 rows and 14 labels in which a few rows fail. The stage reads no pixels, so that made-up rows cost what real ones
do.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from benchmarks.amounts import positive
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

import numpy as np
import pandas as pd

from cxr.core.files import read_json, write_json
from cxr.data import manifest
from cxr.data.manifest import STATISTICS, Head, Manifest
from cxr.params import preset
from cxr.raw.layouts.nih import FINDINGS

ROWS = 112_120


def made_up(rows: int) -> Manifest:
    """A manifest with NIH's labels, four images a patient; three ages are beyond a life."""
    random = np.random.default_rng(0)
    patient = np.arange(rows) // 4
    split = np.array(["train", "validation", "test"])[np.searchsorted([0.7, 0.9], random.random(patient[-1] + 1))]
    labels = sorted(FINDINGS)
    age = random.integers(1, 90, rows).astype(np.float32)
    age[:3] = 414
    table = pd.DataFrame(
        {
            "image_id": [f"{i:032x}" for i in range(rows)],
            "patient": [f"{p:016x}" for p in patient],
            "patient_from": "column",
            "study": [f"{i:016x}" for i in range(rows)],
            "view": random.choice(["PA", "AP"], rows),
            "sex": random.choice(["M", "F"], rows),
            "age": age,
            "batch": "batch-001",
            "source": [f"images_001/images/{i:08d}.png" for i in range(rows)],
            "sha256": [f"{i:064x}" for i in range(rows)],
            "width": np.int32(1024),
            "height": np.int32(1024),
            "stored_bits": np.int16(8),
            "bit_depth": np.int16(8),
            "orientation": np.int8(1),
            **dict.fromkeys(STATISTICS, np.float32(50)),
            "boxes": "[]",
            "split": split[patient],
            "gate": False,
            **{f"label_{name}": (random.random(rows) < 0.1).astype("int8") for name in labels},
        }
    )
    return Manifest(Head("nih", "multilabel", tuple(labels)), table)


def seconds(rows: int) -> tuple[float, dict[str, int]]:
    """Seconds of `python -m stages.validate` in a folder of its own, and how many expectations failed, by severity."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest.write(folder / "data/manifest.parquet", made_up(rows))
        counts = {"rows_in": rows, "manifest": rows, "quarantined": {}, "merged": 0, "absent": 0}
        write_json(folder / "data/ingest.json", counts)
        (folder / "data/merged.csv").write_text("image_id,outcome,patient\n")
        (folder / "params.yaml").write_text(preset.text(ROOT / "presets/nih.yaml"))
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "stages.validate"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        return time.perf_counter() - start, read_json(folder / "metrics/validate.json")["failed"]


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("rows", type=positive, nargs="?", default=ROWS)
    rows = reader.parse_args().rows
    taken, failed = seconds(rows)
    print(f"{rows} rows: {taken:.1f} s; expectations not met: {failed}")
