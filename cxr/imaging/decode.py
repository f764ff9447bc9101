"""From the bytes of a PNG or JPEG file to pixels, for files that nobody vouches for.

Magic, header and structure are read before any pixel is decoded, so that a bomb costs nothing and a file that was cut
off is never filled up with grey in silence (OpenCV does that). OpenCV decodes, not Pillow: it keeps 16-bit colour,
gives every kind of PNG by one call, and is the library that the rest of the chain rests on. EXIF orientation and colour
profiles are ignored: boxes refer to the pixels as stored. Not for DICOM; not for resizing (see `chain`).
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from blake3 import blake3

REASONS = (
    "empty_file",
    "truncated",
    "corrupt",
    "not_an_image",
    "mislabelled",
    "unsupported",
    "absurd_header",
    "too_large",
)
SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
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
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type, ISO 15948
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODABLE_SOF = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive, all with Huffman codes (ITU-T T.81)
_SOS, _EOI = 0xDA, 0xD9
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_MOST_SCANS = 100  # a progressive file has about ten; thousands keep a decoder busy for hours


class Undecodable(Exception):
    """The bytes are no image that comes in; `reason` stands in REASONS, `detail` says what was found."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the reason, a word of REASONS, and the detail for the message."""
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple[type["Undecodable"], tuple[str, str]]:
        """Pickled by reason and detail, on the way back from a worker process."""
        return type(self), (self.reason, self.detail)


@dataclass(frozen=True)
class Header:
    """What a file says of itself: `kind` ("png", "jpeg"), sides in pixels."""

    kind: str
    width: int
    height: int


@dataclass(frozen=True)
class Decoded:
    """An image: `pixels` uint8 or uint16, (H, W) grey or (H, W, 3) RGB; `bit_depth` 8 or 16; `kind` "png" or "jpeg".

    Fewer than 8 bits are stretched to 8. An image whose three channels are equal is grey.
    """

    pixels: np.ndarray
    bit_depth: int
    kind: str
    _small: dict[int, np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def grey(self) -> np.ndarray:
        """(H, W); colour by ITU-R BT.601 luma."""
        return cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY) if self.pixels.ndim == 3 else self.pixels

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
    (_check_png if header.kind == "png" else _check_jpeg)(data)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise Undecodable("corrupt", "the decoder gave up") from error
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        raise Undecodable("corrupt", "the compressed pixels cannot be decoded")
    pixels = plain(pixels)
    return Decoded(pixels, 8 * pixels.dtype.itemsize, header.kind)


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
    header = Header(kind, *(_png_sides(data) if kind == "png" else _jpeg_sides(data)))
    if not (0 < header.width < 2**31 and 0 < header.height < 2**31):
        raise Undecodable("absurd_header", f"{header.width} x {header.height} pixels")
    return header


def plain(pixels: np.ndarray) -> np.ndarray:
    """OpenCV's (H, W), BGR or BGRA as (H, W) or RGB: alpha laid over black, equal channels made one.

    NIH's RGBA images are opaque, so that nothing changes there.
    """
    if pixels.ndim == 2:
        return pixels
    colours = pixels[:, :, :3]
    if pixels.shape[2] == 4 and pixels[:, :, 3].min() < (full := np.iinfo(pixels.dtype).max):
        alpha = pixels[:, :, 3:].astype(np.uint64)
        colours = ((colours * alpha + full // 2) // full).astype(pixels.dtype)
    if np.array_equal(colours[:, :, 0], colours[:, :, 1]) and np.array_equal(colours[:, :, 0], colours[:, :, 2]):
        return np.ascontiguousarray(colours[:, :, 0])
    return np.ascontiguousarray(colours[:, :, ::-1])


def _kind(data: bytes, suffix: str) -> str:
    """The kind, "png" or "jpeg", by the first bytes, held against the name's suffix."""
    if not data:
        raise Undecodable("empty_file", "0 bytes")
    found = "png" if data.startswith(_PNG) else "jpeg" if data.startswith(_JPEG) else None
    promised = SUFFIXES.get(suffix.lower())
    if found and promised in (None, found):
        return found
    if found is None and (_PNG.startswith(data) or _JPEG.startswith(data)):
        raise Undecodable("truncated", f"{len(data)} bytes")
    other = next((name for at, magic, name in _OTHER_KINDS if data[at : at + len(magic)] == magic), None)
    what = {"png": "a PNG", "jpeg": "a JPEG"}.get(found or "") or (f"a {other}" if other else "no known image")
    if promised:
        raise Undecodable("mislabelled", f"named {suffix} but its content is {what}")
    raise Undecodable("unsupported" if other else "not_an_image", f"its content is {what}; PNG and JPEG come in")


def _png_sides(data: bytes) -> tuple[int, int]:
    """(width, height) from IHDR, which must come first and be valid."""
    if len(data) < 33:
        raise Undecodable("truncated", "the file ends inside its header")
    length, name = struct.unpack(">I4s", data[8:16])
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", data[16:29])
    if (length, name) != (13, b"IHDR"):
        raise Undecodable("absurd_header", "no IHDR chunk at the start")
    if zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        raise Undecodable("corrupt", "the checksum of chunk IHDR does not fit")
    if depth not in _PNG_DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise Undecodable("absurd_header", f"bit depth {depth}, colour type {colour}, interlace {interlace}")
    return width, height


def _check_png(data: bytes) -> None:
    """Every chunk is whole up to IEND, the critical ones with a checksum that fits; one frame."""
    position, view = len(_PNG), memoryview(data)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise Undecodable("truncated", f"the file ends inside chunk {name.decode('latin-1')!r}")
        if name in _CRITICAL and zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise Undecodable("corrupt", f"the checksum of chunk {name.decode()} does not fit")
        if name == b"acTL":
            raise Undecodable("unsupported", "an animated PNG")
        if name == b"IEND":
            return
        position = end
    raise Undecodable("truncated", "the file ends before its IEND chunk")


def _jpeg_sides(data: bytes) -> tuple[int, int]:
    """(width, height) from the frame header; Undecodable for processes that are not decoded."""
    for marker, segment in _segments(data):
        if marker in _SOF:
            return _frame(marker, segment)
        if marker == _SOS:
            break
    raise Undecodable("absurd_header", "no frame header before the first scan")


def _frame(marker: int, segment: bytes) -> tuple[int, int]:
    """(width, height) of a frame header that OpenCV decodes right."""
    if len(segment) < 6:
        raise Undecodable("absurd_header", "a frame header that is too short")
    precision, height, width, components = struct.unpack_from(">BHHB", segment)
    if marker not in _DECODABLE_SOF or precision != 8:
        raise Undecodable("unsupported", f"a JPEG of process {marker - 0xC0} with {precision} bits")
    if components not in (1, 3):
        raise Undecodable("unsupported", f"a JPEG of {components} components (CMYK?)")
    return width, height


def _check_jpeg(data: bytes) -> None:
    """The file goes on to its end-of-image marker, with a sane number of scans."""
    scans = 0
    for marker, _ in _segments(data):
        scans += marker == _SOS
        if scans > _MOST_SCANS:
            raise Undecodable("absurd_header", f"more than {_MOST_SCANS} scans")
    if not scans:
        raise Undecodable("truncated", "the file ends before its first scan")


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, content) of each segment up to EOI, entropy-coded data skipped; Undecodable for a file cut off."""
    position = 2
    while found := _NEXT_MARKER.search(data, position):
        marker, position = data[found.end() - 1], found.end()
        if marker == _EOI:
            return
        if marker in _STANDALONE:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if position + length > len(data):
            break
        yield marker, data[position + 2 : position + length]
        position += max(length, 2)
    raise Undecodable("truncated", "the file ends before its end-of-image marker")
