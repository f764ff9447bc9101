"""Random changes of one training image, drawn from a generator that belongs to (seed, epoch, image)."""

import cv2
import numpy as np

from cxr.params.learning import Augment


def augmented(image: np.ndarray, augment: Augment, random: np.random.Generator) -> np.ndarray:
    """uint8 (H, W, C) to uint8 (H, W, C): one affine change, then brightness and contrast."""
    return _photometric(_geometric(image, augment, random), augment, random)


def _geometric(image: np.ndarray, augment: Augment, random: np.random.Generator) -> np.ndarray:
    """Rotation, zoom, shift and mirroring in one affine warp; edges are replicated. Always five random draws."""
    side = image.shape[0]
    angle, scale, dx, dy, mirror = random.uniform(-1, 1, 5)
    if not (augment.flip or augment.shift or augment.zoom or augment.rotate):
        return image
    centre = ((image.shape[1] - 1) / 2, (side - 1) / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, angle * augment.rotate, 1 + scale * augment.zoom), np.float64)
    matrix[:, 2] += np.array([dx * augment.shift * image.shape[1], dy * augment.shift * side])
    if augment.flip and mirror > 0:
        matrix = matrix @ np.array([[-1, 0, 2 * centre[0]], [0, 1, 0], [0, 0, 1]])
    size = (image.shape[1], side)
    moved = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved.reshape(image.shape)


def _photometric(image: np.ndarray, augment: Augment, random: np.random.Generator) -> np.ndarray:
    """Contrast about mid-grey and brightness by one look-up table of 256 levels. Always two random draws."""
    brightness, contrast = random.uniform(-1, 1, 2)
    if not (augment.brightness or augment.contrast):
        return image
    gain = 1 + contrast * augment.contrast
    offset = 127.5 * (1 - gain) + 255 * brightness * augment.brightness
    table = np.clip(np.arange(256) * gain + offset, 0, 255).round().astype(np.uint8)
    return table[image]
