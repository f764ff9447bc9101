"""Image files made for tests: sound ones of every kind that comes in, and broken ones."""
import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image


def grey(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    """Smooth grey pixels, uint8 (height, width), that no other seed gives."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4)).astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def png(pixels: np.ndarray | Image.Image) -> bytes:
    """A PNG file."""
    return _file(pixels, "PNG")


def jpeg(pixels: np.ndarray | Image.Image) -> bytes:
    """A JPEG file."""
    return _file(pixels, "JPEG")


def chunk(name: bytes, content: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    """PNG signature and IHDR."""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def bomb() -> bytes:
    """A few kB that claim to be 60,000 x 60,000 pixels."""
    return header(60_000, 60_000) + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")

def _file(pixels: np.ndarray | Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(stream, kind)
    return stream.getvalue()


BROKEN = {
    "empty.png": (b"", "empty_file"),
    "cut.png": (png(grey(901))[:-20], "truncated"),
    "cut_in_magic.png": (b"\x89PN", "truncated"),
    "cut.jpeg": (jpeg(grey(902, 200, 300))[:-600], "truncated"),
    "cut_and_padded.jpeg": (jpeg(grey(903, 200, 300))[:-600] + bytes(600), "truncated"),
    "flipped.png": ((data := png(grey(904)))[:60] + bytes([data[60] ^ 1]) + data[61:], "corrupt"),
    "half_the_rows.png": (header(100, 100) + chunk(b"IDAT", zlib.compress(bytes(101 * 50))) + chunk(b"IEND", b""),
                          "corrupt"),
    "no_pixels.png": (header(100, 100) + chunk(b"IEND", b""), "corrupt"),
    "bomb.png": (bomb(), "too_large"),
    "zero_wide.png": (header(0, 100) + chunk(b"IEND", b""), "absurd_header"),
    "depth_5.png": (header(10, 10, 5) + chunk(b"IEND", b""), "absurd_header"),
    "a_jpeg.png": (jpeg(grey(905)), "mislabelled"),
    "a_text.jpg": (b"not an image\n", "mislabelled"),
    "a_gif.png": (b"GIF89a" + bytes(20), "mislabelled"),
}
