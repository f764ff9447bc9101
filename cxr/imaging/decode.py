"""From the bytes of a PNG or JPEG file to pixels, for files that nobody vouches for.

Magic, header and structure are read before any pixel is decoded, so that a bomb costs nothing and a file that was cut
off is never filled up with grey in silence (OpenCV does that). OpenCV decodes, not Pillow: it keeps 16-bit colour,
gives every kind of PNG by one call, and is the library that the rest of the chain rests on. Pixels and id are those
that are stored; EXIF orientation and significant bits are handed on beside them, colour profiles are ignored. Not for
DICOM; not for scaling levels or resizing (see `preprocess`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from blake3 import blake3

from cxr.imaging.formats import exif, jpeg, png
from cxr.imaging.formats.undecodable import Undecodable
from cxr.runtime import item_bounds

SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}

_STRIP = 1 << 18  # pixels
# Address space for one file: the costliest kind, RGBA of 16 bits, was seen to take 16 bytes a pixel in all.
_MEMORY, _MEMORY_A_PIXEL = 1 << 30, 32
_JPEG = b"\xff\xd8\xff"
_OTHER_KINDS = (
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (8, b"WEBP", "WebP"),
    (128, b"DICM", "DICOM"),
    (4, b"jP  ", "JPEG 2000"),
    (4, b"ftyp", "HEIF or AVIF"),
)


@dataclass(frozen=True)
class Header:
    """What a file says of itself: `kind` ("png", "jpeg"), sides in pixels."""

    kind: str
    width: int
    height: int


class _Told(NamedTuple):
    """What a file of sound structure tells: the bytes to decode, its orientation and its significant bits."""

    data: bytes
    orientation: int
    significant_bits: int | None


@dataclass(frozen=True)
class Decoded:
    """An image as stored: `pixels` uint8 or uint16, (H, W) grey or (H, W, 3) RGB; `bit_depth` 8 or 16, of a sample;
    `kind` "png" or "jpeg"; `orientation` by EXIF, 1 to 8; `significant_bits` by PNG's sBIT, None where nothing is said.

    Fewer than 8 bits are stretched to 8. An image whose three channels are equal is grey.
    """

    pixels: np.ndarray
    bit_depth: int
    kind: str
    orientation: int = exif.UPRIGHT
    significant_bits: int | None = None
    _small: dict[int, np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def upright(self) -> np.ndarray:
        """The pixels as they are to be seen: turned by the orientation."""
        return exif.upright(self.pixels, self.orientation)

    @cached_property
    def grey(self) -> np.ndarray:
        """Upright (H, W); colour by ITU-R BT.601 luma."""
        return cv2.cvtColor(self.upright, cv2.COLOR_RGB2GRAY) if self.pixels.ndim == 3 else self.upright

    @cached_property
    def peak(self) -> int:
        """The highest level of any channel."""
        return int(self.pixels.max())

    def reduced(self, side: int) -> np.ndarray:
        """Grey levels, sides of at most `side`, by area averaging; made once, for the net and for the statistics."""
        if side not in self._small:
            self._small[side] = shrink(self.grey, side)
        return self._small[side]


def decode(data: bytes, max_pixels: int, suffix: str = "") -> Decoded:
    """Decode a file's bytes; `suffix` (".png", ...) is its name's, where the name is to be held against the content.

    Raises Undecodable: the file is empty, cut off, corrupt, no PNG or JPEG, other than its name says, of a kind that is
    not decoded (animated, CMYK, 12-bit, lossless or arithmetic JPEG), or wider x higher than `max_pixels`.
    """
    header = inspect(data, suffix)
    if header.width * header.height > max_pixels:
        raise Undecodable("too_large", f"{header.width} x {header.height} is more than {max_pixels} pixels")
    told = _of_png(data) if header.kind == "png" else _of_jpeg(data)
    pixels = _pixels(told.data, header)
    return Decoded(pixels, 8 * pixels.dtype.itemsize, header.kind, told.orientation, told.significant_bits)


def _of_png(data: bytes) -> _Told:
    """A PNG's structure checked, and what it tells."""
    chunks = png.check(data)
    turned = exif.orientation(png.content(data, chunks, b"eXIf"))
    return _Told(png.decoded_part(data, chunks), turned, png.significant_bits(data, chunks))


def _of_jpeg(data: bytes) -> _Told:
    """A JPEG's structure and scans checked, and what it tells."""
    jpeg.check(data)
    return _Told(data, exif.orientation(jpeg.exif(data)), None)


def _pixels(data: bytes, header: Header) -> np.ndarray:
    """The pixels (H, W) or (H, W, 3) RGB; Undecodable where the decoder gives others than the header says, or none."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if _of_memory(error):
            raise MemoryError from error
        raise Undecodable("corrupt", "the decoder gave up") from error
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        raise Undecodable("corrupt", "the compressed pixels cannot be decoded")
    return plain(pixels)


@contextmanager
def bounded(max_pixels: int) -> Iterator[None]:
    """What is done with one file of at most so many pixels, within bounds of memory and time (`item_bounds`).

    Undecodable where it takes more memory; in a process of a pool Linux ends the process where it takes too long.
    """
    with item_bounds.bounded(_MEMORY + _MEMORY_A_PIXEL * max_pixels):
        try:
            yield
        except (MemoryError, cv2.error) as error:
            if not _of_memory(error):
                raise
            raise Undecodable("too_large", "it takes more memory than an image may") from error


def _of_memory(error: Exception) -> bool:
    """Whether an error says that there is no more memory."""
    return isinstance(error, MemoryError) or getattr(error, "code", 0) == cv2.Error.StsNoMem


def image_id(decoded: Decoded) -> str:
    """32 hex digits of the BLAKE3 over dtype, shape and pixels: the same pixels have the same id in any file."""
    pixels = np.ascontiguousarray(decoded.pixels)
    return blake3(f"{pixels.dtype.str} {pixels.shape} ".encode()).update(pixels.data.cast("B")).hexdigest(16)


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """(H, W[, 3]) with no side longer than `side`, by area averaging; a shorter side stays."""
    height, width = pixels.shape[:2]
    smaller = (min(width, side), min(height, side))
    return pixels if smaller == (width, height) else cv2.resize(pixels, smaller, interpolation=cv2.INTER_AREA)


def inspect(data: bytes, suffix: str = "") -> Header:
    """Kind and sides by the header alone; Undecodable as in `decode`."""
    kind = _kind(data, suffix)
    header = Header(kind, *(png.sides(data) if kind == "png" else jpeg.sides(data)))
    if not (0 < header.width < 2**31 and 0 < header.height < 2**31):
        raise Undecodable("absurd_header", f"{header.width} x {header.height} pixels")
    return header


def plain(pixels: np.ndarray) -> np.ndarray:
    """OpenCV's (H, W), BGR or BGRA as (H, W) or RGB: alpha laid over black (in place), equal channels made one.

    NIH's RGBA images are opaque, so that nothing changes there. Done in strips: a small file can hold many pixels.
    """
    if pixels.ndim == 2:
        return pixels
    strips = [pixels[start : start + step] for step in [_strip(pixels)] for start in range(0, len(pixels), step)]
    if pixels.shape[2] == 4:
        for strip in strips:
            _lay_over_black(strip)
    if all(_is_grey(strip) for strip in strips):
        return np.ascontiguousarray(pixels[:, :, 0])
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)


def _strip(pixels: np.ndarray) -> int:
    """Rows of a strip of about a quarter of a million pixels."""
    return max(1, _STRIP // pixels.shape[1])


def _lay_over_black(strip: np.ndarray) -> None:
    """Multiply the colours of BGRA pixels by their alpha, rounded, in place; the products of 16 bits fit into 32."""
    full = np.iinfo(strip.dtype).max
    alpha = strip[:, :, 3:]
    if alpha.min() < full:
        products = strip[:, :, :3].astype(np.uint32) * alpha
        strip[:, :, :3] = (products + full // 2) // full


def _is_grey(strip: np.ndarray) -> bool:
    """Whether the three colour channels are equal."""
    first = strip[:, :, 0]
    return np.array_equal(first, strip[:, :, 1]) and np.array_equal(first, strip[:, :, 2])


def _kind(data: bytes, suffix: str) -> str:
    """The kind, "png" or "jpeg", by the first bytes, held against the name's suffix."""
    if not data:
        raise Undecodable("empty_file", "0 bytes")
    found = "png" if data.startswith(png.SIGNATURE) else "jpeg" if data.startswith(_JPEG) else None
    promised = SUFFIXES.get(suffix.lower())
    if found and promised in (None, found):
        return found
    if found is None and (png.SIGNATURE.startswith(data) or _JPEG.startswith(data)):
        raise Undecodable("truncated", f"{len(data)} bytes")
    other = next((name for at, magic, name in _OTHER_KINDS if data[at : at + len(magic)] == magic), None)
    what = {"png": "a PNG", "jpeg": "a JPEG"}.get(found or "") or (f"a {other}" if other else "no known image")
    if promised:
        raise Undecodable("mislabelled", f"named {suffix} but its content is {what}")
    raise Undecodable("unsupported" if other else "not_an_image", f"its content is {what}; PNG and JPEG come in")
