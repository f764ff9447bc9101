"""A model folder's TFLite net, run by LiteRT: the one served path, for evaluation, prediction and scoring alike.

Images go through in blocks of a fixed size, so that an image's logits do not depend on its company. Not for float
gradients (see `cxr.nets.factory`), and never imports TensorFlow.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from cxr.core.errors import UserError
from cxr.model import model_folder
from cxr.model.card import NetCard
from cxr.model.probabilities import calibrated

BLOCK = 4  # images at a time; measured in benchmarks/inference_speed.py


class InferenceError(UserError):
    """A model folder's net cannot be run, or its output makes no sense; the message names the folder."""


@dataclass(frozen=True)
class Answers:
    """What a net says of n images: `logits` float32 (n, labels), `features` float32 (n, k), pooled over the image."""

    logits: np.ndarray
    features: np.ndarray


class TfliteNet:
    """A TFLite flatbuffer with what its card says of its input and output."""

    def __init__(self, content: bytes, card: NetCard, name: str, threads: int = 1, block: int = BLOCK) -> None:
        """Prepare LiteRT. InferenceError, with the `name`, where it can't run it or the card says otherwise.

        `threads` and `block` (images at a time) change the speed, not the logits.
        """
        self.net_card, self.name, self.block = card, name, block
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=threads)
            outputs = _outputs(self._interpreter)
            tensor = self._interpreter.get_input_details()[0]
            self._interpreter.resize_tensor_input(tensor["index"], [block, *tensor["shape"][1:]], strict=False)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise InferenceError(f"{name}: LiteRT cannot run it: {error}") from error
        self._input = self._interpreter.get_input_details()[0]
        details = {detail["index"]: detail for detail in self._interpreter.get_output_details()}
        self._output, self._pooled = details[outputs["logits"]], details[outputs["features"]]
        self._levels = _input_levels(self._input)
        self._check_shapes()

    @property
    def labels(self) -> list[str]:
        """Labels of the outputs, in their order."""
        return list(self.net_card.labels)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Logits, float32 (n, labels), of images, uint8 (n, height, width, channels); errors as in `answers`."""
        return self.answers(images).logits

    def answers(self, images: np.ndarray) -> Answers:
        """Logits and pooled features of images, uint8 (n, height, width, channels).

        ValueError where shape or type is another one; InferenceError where a logit is not finite.
        """
        expected = tuple(int(side) for side in self._input["shape"][1:])
        if images.dtype != np.uint8 or images.shape[1:] != expected:
            raise ValueError(
                f"{self.name}: takes uint8 images (n, {', '.join(map(str, expected))}), "
                f"got {images.dtype} {images.shape}"
            )
        blocks = [self._run(images[start : start + self.block]) for start in range(0, len(images), self.block)]
        blocks.append((np.empty((0, len(self.labels)), np.float32), np.empty((0, self.features), np.float32)))
        logits, features = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        if not np.isfinite(logits).all():
            row = int(np.flatnonzero(~np.isfinite(logits).all(axis=1))[0])
            raise InferenceError(
                f"{self.name}: logits of image {row} are not finite: {logits[row].tolist()}; "
                "the weights are damaged or training diverged"
            )
        return Answers(logits, features)

    def _run(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits and features of one block; a short one is filled up with black images, whose answers are dropped."""
        filled = images
        if len(images) < self.block:
            filled = np.concatenate([images, np.zeros((self.block - len(images), *images.shape[1:]), np.uint8)])
        if self._levels is not None:
            filled = cv2.LUT(filled.reshape(self.block, -1), self._levels).reshape(filled.shape)
        self._interpreter.set_tensor(self._input["index"], filled)
        self._interpreter.invoke()
        raw, pooled = (
            self._interpreter.get_tensor(tensor["index"])[: len(images)] for tensor in (self._output, self._pooled)
        )
        return _as_logits(raw, self._output, self.net_card), _dequantized(pooled, self._pooled).astype(np.float32)

    @property
    def features(self) -> int:
        """How many pooled features an image has."""
        return int(self._pooled["shape"][-1])

    def _check_shapes(self) -> None:
        """InferenceError where the net's input or output is not what the card says."""
        expected = list(self.net_card.input.sides), [len(self.labels)]
        real = self._input["shape"].tolist()[1:], self._output["shape"].tolist()[1:]
        if real != expected:
            raise InferenceError(
                f"{self.name}: takes images {real[0]} and gives logits {real[1]}, "
                f"its card says {expected[0]} and {expected[1]}"
            )


class Net(TfliteNet):
    """The net of one model folder, with its whole card."""

    def __init__(self, folder: Path, threads: int = 1, block: int = BLOCK) -> None:
        """Open and check the folder; `threads` and `block` as in TfliteNet.

        HashMismatch where its bytes are not as recorded, UnreadableDocument where its card does not fit, InferenceError
        where its net does not.
        """
        self.folder = Path(folder)
        self.card = model_folder.read_card(self.folder)
        tflite = model_folder.read_tflite(self.folder)
        super().__init__(tflite, self.card, str(self.folder / model_folder.TFLITE), threads, block)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float64 (n, labels), of images, uint8 (n, height, width, channels)."""
        return calibrated(self.logits(images), self.card.calibration)


def _outputs(interpreter: Interpreter) -> dict[str, int]:
    """Tensor of each output by its name, "logits" and "features"; ValueError where one of them is not there."""
    signed = interpreter.get_signature_list()
    named = interpreter.get_signature_runner().get_output_details() if signed else {}
    if absent := {"logits", "features"} - named.keys():
        raise ValueError(
            f"it has no output {' nor '.join(sorted(absent))}: it was made by another version of this "
            "project; make it again (`dvc repro`)"
        )
    return {name: int(detail["index"]) for name, detail in named.items()}


def _input_levels(tensor: dict[str, Any]) -> np.ndarray | None:
    """What the net wants to see for each of the 256 grey levels, in its own type; None: the grey levels themselves."""
    grey = np.arange(256, dtype=np.float64)
    if tensor["dtype"] is np.float32:
        return grey.astype(np.float32)
    scale, zero = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    levels: np.ndarray = np.clip(np.round(grey / scale) + zero, limits.min, limits.max).astype(tensor["dtype"])
    same = levels.dtype == np.uint8 and np.array_equal(levels, grey)
    return None if same else levels


def _as_logits(raw: np.ndarray, tensor: dict[str, Any], card: NetCard) -> np.ndarray:
    """Float32 logits of a raw output: dequantized, and turned back where the card's `output` is "probabilities"."""
    values, step = _dequantized(raw, tensor), 1e-7 if tensor["dtype"] is np.float32 else tensor["quantization"][0]
    if card.output == "probabilities":
        values = np.clip(values, step / 2, 1 - step / 2)  # half a step inside: 0 and 1 have no logit
        values = np.log(values) if card.task == "multiclass" else np.log(values / (1 - values))
    return values.astype(np.float32)


def _dequantized(raw: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    """Float64 values of a raw output."""
    if tensor["dtype"] is np.float32:
        return raw.astype(np.float64)
    step, zero = tensor["quantization"]
    values: np.ndarray = (raw.astype(np.float64) - zero) * step
    return values
