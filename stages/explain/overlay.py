"""One overlay: the image as the net saw it, its attributions in colour, reference boxes, a caption. No files."""

from collections.abc import Sequence

import cv2
import numpy as np

from cxr.explanation.boxes import Box
from stages.explain.selection import TRUE_POSITIVE, OverlayCase

SIDE = (256, 384)  # least and greatest width of an overlay, pixels
_CAPTION = 36  # height of the caption above the image, pixels
_FOR, _AGAINST = (40, 80, 255), (255, 120, 30)  # blue, green, red: evidence for the label, against it
_BOX, _OTHER_BOX = (90, 255, 120), (170, 170, 170)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT]


def draw(image: np.ndarray, values: np.ndarray, boxes: Sequence[Box], case: OverlayCase) -> bytes:
    """PNG bytes of an overlay. `image`: uint8 (height, width, 1 or 3, RGB); `values`: smoothed signed attributions,
    float32 (height, width); `boxes` in the image's pixels. Red speaks for the label, blue against it.
    """
    factor = np.clip(image.shape[1], *SIDE) / image.shape[1]
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    enlarge = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    grey = cv2.resize(_blue_green_red(image), size, interpolation=enlarge)
    picture = _heat(grey, cv2.resize(values, size, interpolation=cv2.INTER_LINEAR))
    for box in sorted(boxes, key=lambda box: box["label"] == case.label):
        _frame(picture, box, factor, box["label"] == case.label)
    done, encoded = cv2.imencode(".png", np.vstack([_caption(case, size[0]), picture]), _PNG)
    if not done:
        raise RuntimeError(f"OpenCV could not encode the overlay of {case.image_id}")
    return encoded.tobytes()


def _blue_green_red(image: np.ndarray) -> np.ndarray:
    """OpenCV's channel order, uint8 (height, width, 3), from a grey or an RGB image."""
    return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if image.shape[2] == 1 else cv2.COLOR_RGB2BGR)


def _heat(grey: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Colour laid over the grey image, as opaque as the evidence is strong; full colour at the 99.5th percentile."""
    strongest = float(np.percentile(np.abs(values), 99.5)) or 1.0
    strength = np.clip(np.abs(values) / strongest, 0, 1)
    alpha = 0.65 * np.clip((strength - 0.15) / 0.85, 0, 1)[..., None]  # weak evidence everywhere is no evidence
    colour = np.where(values[..., None] > 0, np.array(_FOR, np.float32), np.array(_AGAINST, np.float32))
    mixed: np.ndarray = np.rint(grey * (1 - alpha) + colour * alpha)
    return mixed.astype(np.uint8)


def _frame(picture: np.ndarray, box: Box, factor: float, of_case: bool) -> None:
    """The label's own boxes stand out; those of other findings are thin, to say what else is in the image."""
    corners = np.array([[box["x"], box["y"]], [box["x"] + box["w"], box["y"] + box["h"]]]) * factor
    start, end = (tuple(round(float(v)) for v in corner) for corner in corners)
    cv2.rectangle(picture, start, end, _BOX if of_case else _OTHER_BOX, 2 if of_case else 1)


def _caption(case: OverlayCase, width: int) -> np.ndarray:
    """The strip above an overlay, uint8 (36, width, 3): label, kind, probability and threshold."""
    strip = np.full((_CAPTION, width, 3), 24, np.uint8)
    kind = "true positive" if case.kind == TRUE_POSITIVE else "false positive"
    _write(strip, case.label.replace("_", " "), (6, 15), _fitting(case.label, width, 0.45), (255, 255, 255))
    detail = f"{kind}   p {case.probability:.3f} (threshold {case.threshold:.3f})"
    _write(strip, detail, (6, 29), _fitting(detail, width, 0.36), (200, 200, 200))
    return strip


def _fitting(text: str, width: int, scale: float) -> float:
    """The font scale, smaller where the text would not fit into the width."""
    (needed, _), _ = cv2.getTextSize(text, _FONT, scale, 1)
    return scale * min(1.0, (width - 12) / max(needed, 1))


def _write(picture: np.ndarray, text: str, origin: tuple[int, int], scale: float, colour: tuple[int, int, int]) -> None:
    """Draw text in place, its baseline's left end at `origin` (x, y) in pixels."""
    plain = text.encode("ascii", "replace").decode()  # Hershey fonts know no other letters
    cv2.putText(picture, plain, origin, _FONT, scale, colour, 1, cv2.LINE_AA)
