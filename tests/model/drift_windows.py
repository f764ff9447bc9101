"""Made-up references and windows for the tests of monitoring: patients whose studies resemble each other."""
import numpy as np

from stages import calibration
from stages.manifest import STATISTICS
from stages.modelfolder import Reference
from stages.monitor.window import Studies

LABELS = ("Mass", "Edema", "Hernia")
FEATURES = 12
CARD = {"labels": list(LABELS), "task": "multilabel",
        "calibration": {"method": "platt", "a": [1.0] * 3, "b": [0.0] * 3},
        "operating_points": {label: {"threshold": 0.3} for label in LABELS}}


def drawn(random: np.random.Generator, count: int, alike: float = 0.6) -> dict[str, np.ndarray]:
    """Columns of `count` studies; a share `alike` of each column's variance is the patient's own."""
    patient = np.sort(random.integers(0, max(2, count // 2), count))
    _, patient = np.unique(patient, return_inverse=True)
    columns = len(STATISTICS) + FEATURES + len(LABELS)
    own = random.standard_normal((patient.max() + 1, columns))[patient]
    values = np.sqrt(alike) * own + np.sqrt(1 - alike) * random.standard_normal((count, columns))
    logits = values[:, -3:] - 1
    return {"patient": patient, "statistics": values[:, :len(STATISTICS)],
            "features": values[:, len(STATISTICS):-3], "logits": logits,
            "targets": (random.random(logits.shape) < calibration.sigmoid(logits)).astype(np.uint8),
            "view": np.where(random.random(count) < 0.6, "PA", "AP")}


def reference(seed: int = 0, count: int = 400, **options: float) -> Reference:
    """A reference of so many studies."""
    columns, side = drawn(np.random.default_rng(seed), count, **options), np.full(count, 256, np.int32)
    return Reference(
        patient=columns["patient"].astype(np.int32), view=columns["view"], width=side, height=side,
        bit_depth=np.full(count, 8, np.int16), names=np.array(STATISTICS),
        statistics=columns["statistics"].astype(np.float32), features=columns["features"].astype(np.float32),
        logits=columns["logits"].astype(np.float32), targets=columns["targets"])


def window(seed: int, count: int = 200, *, labelled: bool = False, **options: float) -> Studies:
    """A window of the same distribution."""
    columns = drawn(np.random.default_rng([seed, 1]), count, **options)
    targets = columns["targets"].astype(float) if labelled else np.full((count, len(LABELS)), np.nan)
    return Studies(STATISTICS, columns["statistics"], columns["features"].astype(np.float32),
                   columns["logits"].astype(np.float32), calibration.sigmoid(columns["logits"]), columns["view"],
                   np.full(count, "256 x 256, 8 bit"), targets, np.full(count, 4.0))
