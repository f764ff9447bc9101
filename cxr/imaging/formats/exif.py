"""EXIF orientation: reading it, turning pixels and boxes upright. Nothing else of EXIF is looked at.

The numbers are those of the EXIF standard (CIPA DC-008, tag 0x0112): 1 upright, 2 mirrored, 3 turned by 180 degrees,
4 upside down, 5 to 8 with rows and columns exchanged (6: to be turned clockwise, 8: counter-clockwise).
"""

import struct

import numpy as np

UPRIGHT = 1
_TAG, _SHORT = 0x0112, 3
_ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}
# For each number: whether to exchange rows and columns first, then whether to mirror (down, across).
_STEPS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def orientation(tiff: bytes) -> int:
    """The orientation, 1 to 8, that an EXIF block (a TIFF file) names; 1 where it names none or another number."""
    order = _ORDERS.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (at,) = struct.unpack_from(order + "I", tiff, 4)
    if at + 2 > len(tiff):
        return UPRIGHT
    (entries,) = struct.unpack_from(order + "H", tiff, at)
    for place in range(at + 2, min(at + 2 + 12 * entries, len(tiff) - 11), 12):
        tag, kind, count, value = struct.unpack_from(order + "HHIH", tiff, place)
        if (tag, kind, count) == (_TAG, _SHORT, 1):
            return value if value in _STEPS else UPRIGHT
    return UPRIGHT


def upright(pixels: np.ndarray, number: int) -> np.ndarray:
    """(H, W[, 3]) or (W, H[, 3]): pixels as stored, turned by their orientation; the same array where it is 1."""
    if number == UPRIGHT:
        return pixels
    exchange, down, across = _STEPS[number]
    turned = pixels.swapaxes(0, 1) if exchange else pixels
    return np.ascontiguousarray(turned[:: -1 if down else 1, :: -1 if across else 1])


def upright_box(
    x: float, y: float, w: float, h: float, number: int, width: int, height: int
) -> tuple[float, float, float, float]:
    """x, y, w, h of a box given in pixels as stored, in the upright image of `width` x `height` pixels."""
    exchange, down, across = _STEPS[number]
    if exchange:
        x, y, w, h = y, x, h, w
    return (width - x - w if across else x), (height - y - h if down else y), w, h
