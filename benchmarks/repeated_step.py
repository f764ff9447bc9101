"""Whether one training step, repeated, gives the same gradients every time, and how long it takes.

    python benchmarks/repeated_step.py [--net small] [--side 256] [--batch 32] [--seconds 60]

The same weights and the same random images each time. TF_ENABLE_ONEDNN_OPTS=0 before it turns oneDNN off,
CXR_INSTRUCTION_SET=native lifts the cap. The digest of the first gradients can be compared with another machine's.
Exit status 1 where a repeat differed.
"""

import argparse
import hashlib
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.amounts import finite, positive
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

from cxr.nets import factory, tf_session
from cxr.params.learning import Loss
from cxr.params.schema import Machine
from cxr.training import losses

# isort: split
import numpy as np
import tensorflow as tf

LABELS = 14


def gradients_of(net: str, side: int, batch: int) -> Any:
    """A traced function without arguments: gradients of one step of a fresh net on fixed random images."""
    model = factory.build(factory.spec(net, width=16, dropout=0.0, shape=(side, side, 1), outputs=LABELS))
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (batch, side, side, 1)).astype(np.float32))
    targets = tf.constant(rng.integers(0, 2, (batch, LABELS)).astype(np.float32))
    loss = losses.build(Loss(), "multilabel")

    @tf.function
    def step() -> list[tf.Tensor]:
        """Gradients of one step."""
        with tf.GradientTape() as tape:
            value = loss(targets, model(images, training=True))
        return list(tape.gradient(value, model.trainable_variables))

    return step


def digest(gradients: list[tf.Tensor]) -> str:
    """SHA-256 of the gradients' bytes."""
    return hashlib.sha256(b"".join(gradient.numpy().tobytes() for gradient in gradients)).hexdigest()


def main() -> int:
    """Repeat the step for the time given and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="small")
    parser.add_argument("--side", type=positive, default=256)
    parser.add_argument("--batch", type=positive, default=32)
    parser.add_argument("--seconds", type=finite, default=60.0)
    options = parser.parse_args()
    tf_session.start(Machine(), seed=1)
    step = gradients_of(options.net, options.side, options.batch)
    first, repeats, differing, spent = digest(step()), 0, 0, 0.0
    while spent < options.seconds:
        start = time.perf_counter()
        gradients = step()
        spent += time.perf_counter() - start
        repeats, differing = repeats + 1, differing + (digest(gradients) != first)
    print(
        f"{options.net}, {options.batch} images of {options.side} x {options.side}: {differing} of {repeats} repeats "
        f"differ; {spent / repeats * 1e3:.0f} ms a step; gradients {first[:16]}"
    )
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
