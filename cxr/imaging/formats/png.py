"""The structure of a PNG file (ISO 15948): sides, chunks, significant bits."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from cxr.imaging.formats.undecodable import Undecodable

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_DECODED = (*_CRITICAL, b"tRNS")  # what the pixels depend on
_MOST_CHUNKS = 100_000  # libpng's writer makes one of 8 kB; a file of empty ones costs more than it holds


class Chunk(NamedTuple):
    """A chunk's name, and where its content begins and ends."""

    name: bytes
    begin: int
    end: int


def sides(data: bytes) -> tuple[int, int]:
    """(width, height) from IHDR, which must come first and be valid."""
    if len(data) < 33:
        raise Undecodable("truncated", "the file ends inside its header")
    length, name = struct.unpack(">I4s", data[8:16])
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", data[16:29])
    if (length, name) != (13, b"IHDR"):
        raise Undecodable("absurd_header", "no IHDR chunk at the start")
    if zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        raise Undecodable("corrupt", "the checksum of chunk IHDR does not fit")
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise Undecodable("absurd_header", f"bit depth {depth}, colour type {colour}, interlace {interlace}")
    return width, height


def check(data: bytes) -> list[Chunk]:
    """The chunks; every one is whole up to IEND, the critical ones with a checksum that fits; one frame."""
    found, view = list[Chunk](), memoryview(data)
    for chunk in _chunks(data):
        name, begin, end = chunk
        if name in _CRITICAL and zlib.crc32(view[begin - 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise Undecodable("corrupt", f"the checksum of chunk {name.decode()} does not fit")
        if name == b"acTL":
            raise Undecodable("unsupported", "an animated PNG")
        if len(found) >= _MOST_CHUNKS:
            raise Undecodable("absurd_header", f"more than {_MOST_CHUNKS} chunks")
        found.append(chunk)
    return found


def decoded_part(data: bytes, chunks: list[Chunk]) -> bytes:
    """The file without the chunks on which no pixel depends: texts that would unfold to gigabytes stay folded."""
    if all(chunk.name in _DECODED for chunk in chunks):
        return data
    view = memoryview(data)
    kept = (view[chunk.begin - 8 : chunk.end + 4] for chunk in chunks if chunk.name in _DECODED)
    return b"".join((SIGNATURE, *kept))


def content(data: bytes, chunks: list[Chunk], name: bytes) -> bytes:
    """What the first chunk of this name holds, empty where there is none."""
    return next((data[chunk.begin : chunk.end] for chunk in chunks if chunk.name == name), b"")


def significant_bits(data: bytes, chunks: list[Chunk]) -> int | None:
    """Bits of the deepest grey or colour channel by the sBIT chunk; None without one, or with one that can't be."""
    said = content(data, chunks, b"sBIT")
    depth, colour = data[24], data[25]
    channels = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}[colour]
    if len(said) < channels or not all(1 <= bits <= max(depth, 8 * (colour == 3)) for bits in said[:channels]):
        return None
    return max(said[:channels])


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Each chunk up to IEND; Undecodable where the file ends before it."""
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            raise Undecodable("truncated", f"the file ends inside chunk {name.decode('latin-1')!r}")
        yield Chunk(name, position + 8, end)
        if name == b"IEND":
            return
        position = end + 4
    raise Undecodable("truncated", "the file ends before its IEND chunk")
