"""Real images: quiet on the model's own set, loud on another? Run in the project whose model it is:

    python benchmarks/drift_sets.py --model models/compressed/int8 --other path/to/nih/images

Windows of held-out images of the project's own set (its test split, patient after patient, none used twice), then the
same with a share of images of the other set put in (again none used twice), then the other set alone. Scored as in
production: decoded, described, preprocessed, answered. Without labels. `--side 224` brings the other set's images to
that many pixels first, so that their matrix size gives nothing away.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.amounts import positive
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

import cv2
import numpy as np
import pandas as pd
from drift_false_alarms import line

from benchmarks.drift_windows import judged, plain, window
from cxr.data import manifest
from cxr.imaging.decode import Decoded, decode, image_id
from cxr.imaging.preprocess import apply
from cxr.imaging.statistics import NAMES, describe
from cxr.model import model_folder
from cxr.model.litert import Net
from cxr.model.probabilities import calibrated
from cxr.params import load
from cxr.params.production import Monitor
from cxr.raw.batch import open_set
from serving.monitor.compare import Prepared, prepare
from serving.monitor.rule import verdict

MAX_PIXELS = 100_000_000


def scored(net: Net, files: list[bytes], side: int | None = None) -> pd.DataFrame:
    """The files' rows with the scoring log's columns; resized to `side` x `side` first."""
    chain, rows, inputs = net.card.preprocessing, [], []
    for data in files:
        decoded = decode(data, MAX_PIXELS)
        if side:
            pixels = cv2.resize(decoded.pixels, (side, side), interpolation=cv2.INTER_AREA)
            decoded = Decoded(pixels, decoded.bit_depth, decoded.kind)
        height, width = decoded.pixels.shape[:2]
        rows.append(
            {
                "image_id": image_id(decoded),
                "view": "",
                "width": width,
                "height": height,
                "bit_depth": decoded.bit_depth,
                "latency_ms": np.nan,
                **describe(decoded),
            }
        )
        inputs.append(apply(chain, decoded))
    answers = net.answers(np.stack(inputs))
    table = pd.DataFrame(rows).astype(dict.fromkeys(NAMES, np.float32))
    probabilities = calibrated(answers.logits, net.card.calibration)
    for i, label in enumerate(net.labels):
        table[f"logit_{label}"], table[f"probability_{label}"] = answers.logits[:, i], probabilities[:, i]
    return table.assign(features=list(answers.features))


def own_files(name: str) -> list[bytes]:
    """The test split's files, a patient's together, patients in the order of their hashed keys."""
    rows = manifest.read().rows("test").table.sort_values(["patient", "image_id"])
    batches = {batch.name: batch for batch in open_set(Path("data/raw") / name)}
    return [batches[batch].read(source) for batch, source in zip(rows["batch"], rows["source"], strict=True)]


def alarms(tables: list[pd.DataFrame], prepared: Prepared, section: Monitor) -> tuple[int, int, str]:
    """Windows in which the monitor, and the plain method, say drift; what moved most in the last one that did."""
    ours, others, reason = 0, 0, ""
    for table in tables:
        part = window(table, prepared, labelled=False)
        found, reasons = verdict(judged(prepared, part, section))
        ours, others = ours + (found == "drift"), others + plain(prepared, part, section.alpha)
        reason = reasons[0] if reasons else reason
    return ours, others, reason


def windows(own: pd.DataFrame, other: pd.DataFrame, size: int, strangers: int) -> list[pd.DataFrame]:
    """As many disjoint windows as there are images for, `strangers` of the other set in each."""
    most = min(
        len(own) // (size - strangers) if size > strangers else len(other),
        len(other) // strangers if strangers else len(own),
    )
    return [
        pd.concat(
            [own[k * (size - strangers) : (k + 1) * (size - strangers)], other[k * strangers : (k + 1) * strangers]],
            ignore_index=True,
        )
        for k in range(most)
    ]


def main(arguments: list[str]) -> int:
    """Print found shares for each share of the other set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--other", type=Path, required=True, help="folder of PNG or JPEG images")
    parser.add_argument("--side", type=positive, help="pixels to which the other set's images are resized first")
    given = parser.parse_args(arguments)
    params, net = load(), Net(given.model)
    prepared = prepare(model_folder.read_reference(given.model), net.card)
    strange = sorted(p for p in given.other.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    own = scored(net, own_files(params.ingest.set))
    other = scored(net, [path.read_bytes() for path in strange], given.side)
    print(
        f"reference: {len(prepared.studies)} studies of {len(np.unique(prepared.patient))} patients; own images "
        f"{len(own)}, others {len(other)}"
    )
    for size in (50, 200):
        for share in (0.0, 0.05, 0.1, 0.2, 1.0):
            made = windows(own, other, size, round(size * share))
            if not made:
                continue
            ours, others, reason = alarms(made, prepared, params.monitor)
            said = [
                f"windows of {size}, {share:.0%} of the other set:",
                line("monitor", ours, len(made)),
                line("plain KS", others, len(made)),
                *([f"for example {reason}"] if reason else []),
            ]
            print("\n  ".join(said), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
