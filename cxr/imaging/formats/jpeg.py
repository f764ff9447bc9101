"""The structure of a JPEG file (ITU-T T.81): sides, scans, and whether the pixels that it promises are all there.

OpenCV fills what is missing of a scan with grey and says nothing. So libjpeg-turbo is asked a second time, by
simplejpeg, which makes an error of each of its warnings: data that end early or late, codes that no table has, restart
markers out of order. Only the verdict counts, so the judge decodes to an eighth of the sides and to grey, for which all
compressed data are read but hardly any pixel is computed. Two things raise no warning and are looked for here: a
progressive file that lacks scans, and a hole of zero bytes that happens to be valid code.

Not seen: damage after which the code falls into step again with the right number of blocks and no bit left over: most
single flipped bits, one in ten of short pieces overwritten by noise (docs/explanation/images.md has the figures). A
checksum of the sender's finds those, no decoder does.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import simplejpeg

from cxr.imaging.formats.undecodable import Undecodable

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODABLE_SOF = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive, all with Huffman codes (ITU-T T.81)
_PROGRESSIVE, _DHT, _SOS, _EOI, _APP1 = 0xC2, 0xC4, 0xDA, 0xD9, 0xE1
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_IN_A_SCAN = frozenset((0x00, 0xFF, *range(0xD0, 0xD8)))  # behind 0xFF: a stuffed byte, a fill byte, a restart
_MOST_SCANS = 100  # a progressive file has about ten; thousands keep a decoder busy for hours
_MOST_SEGMENTS = 100_000
_FREE_SCANS, _MOST_SCANNED = 10, 1_000_000_000  # pixels times scans, beyond the scans that any file may have
_HOLE = bytes(32)  # longer than a block of 64 coefficients whose codes are all zero bits
_EXIF = b"Exif\0\0"


class _Segment(NamedTuple):
    """A marker, where its bytes begin, and where its content begins and ends; EOI has none."""

    marker: int
    at: int
    begin: int
    end: int


@dataclass
class _Frame:
    """What the frame header says, and the coefficients that the scans have brought so far.

    `lacking`: for each component's id, whether (more than 0) its 64 coefficients still lack bits.
    """

    marker: int
    width: int
    height: int
    lacking: dict[int, list[int]]


def sides(data: bytes) -> tuple[int, int]:
    """(width, height) from the frame header; Undecodable for processes that are not decoded."""
    for segment in _segments(data):
        if segment.marker in _SOF:
            frame = _frame(segment.marker, data[segment.begin : segment.end])
            return frame.width, frame.height
        if segment.marker == _SOS:
            break
    raise Undecodable("absurd_header", "no frame header before the first scan")


def check(data: bytes) -> None:
    """Every scan is there and whole, up to the end-of-image marker; Undecodable says what is not."""
    found = list(_bounded(_segments(data)))
    frame = next((_frame(s.marker, data[s.begin : s.end]) for s in found if s.marker in _SOF), None)
    scans = [(segment, after.at) for segment, after in pairwise(found) if segment.marker == _SOS]
    if not scans or frame is None:
        raise Undecodable("truncated", "the file ends before its first scan")
    if len(scans) > _FREE_SCANS and len(scans) * frame.width * frame.height > _MOST_SCANNED:
        raise Undecodable("too_large", f"{len(scans)} scans of {frame.width} x {frame.height} pixels")
    for scan, _ in scans:
        _note(frame, data[scan.begin : scan.end])
    _refuse_incomplete(frame)
    if frame.marker != _PROGRESSIVE and any(data.find(_HOLE, scan.end, end) >= 0 for scan, end in scans):
        _refuse_holes(data, found)
    judge(data)


def judge(data: bytes) -> None:
    """Decode all compressed data for the verdict alone. Undecodable says what libjpeg-turbo warns of."""
    try:
        simplejpeg.decode_jpeg(data, "GRAY", fastdct=True, fastupsample=True, min_height=1, min_width=1, min_factor=8)
    except ValueError as error:
        reason = "too_large" if "nsufficient memory" in str(error) else "corrupt"
        raise Undecodable(reason, f"libjpeg: {error}") from error


def exif(data: bytes) -> bytes:
    """The EXIF block (a TIFF file) that the file carries, empty where there is none."""
    for segment in _segments(data):
        if segment.marker == _APP1 and data.startswith(_EXIF, segment.begin):
            return data[segment.begin + len(_EXIF) : segment.end]
        if segment.marker == _SOS:
            break
    return b""


def _segments(data: bytes) -> Iterator[_Segment]:
    """Each segment up to EOI, entropy-coded data skipped; Undecodable for a file cut off."""
    position = 2
    while (at := _next_marker(data, position)) >= 0:
        marker, position = data[at + 1], at + 2
        if marker == _EOI:
            yield _Segment(marker, at, position, position)
            return
        if marker in _STANDALONE:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if position + length > len(data):
            break
        yield _Segment(marker, at, position + 2, position + length)
        position += max(length, 2)
    raise Undecodable("truncated", "the file ends before its end-of-image marker")


def _next_marker(data: bytes, position: int) -> int:
    """Where the next marker is that does not belong to compressed data; -1 where there is none."""
    while 0 <= (at := data.find(b"\xff", position)) < len(data) - 1:
        if data[at + 1] not in _IN_A_SCAN:
            return at
        position = at + 1
    return -1


def _bounded(found: Iterator[_Segment]) -> Iterator[_Segment]:
    """The segments; Undecodable where there are more scans or more segments than a decoder should be kept busy with."""
    scans = 0
    for number, segment in enumerate(found):
        scans += segment.marker == _SOS
        if scans > _MOST_SCANS or number > _MOST_SEGMENTS:
            raise Undecodable("absurd_header", f"more than {_MOST_SCANS} scans or {_MOST_SEGMENTS} segments")
        yield segment


def _frame(marker: int, content: bytes) -> _Frame:
    """A frame header that OpenCV decodes right."""
    if len(content) < 6:
        raise Undecodable("absurd_header", "a frame header that is too short")
    precision, height, width, components = struct.unpack_from(">BHHB", content)
    if marker not in _DECODABLE_SOF or precision != 8:
        raise Undecodable("unsupported", f"a JPEG of process {marker - 0xC0} with {precision} bits")
    if components not in (1, 3):
        raise Undecodable("unsupported", f"a JPEG of {components} components (CMYK?)")
    return _Frame(marker, width, height, {number: [1] * 64 for number in content[6 : 6 + 3 * components : 3]})


def _note(frame: _Frame, content: bytes) -> None:
    """Which bits of which coefficients a scan brings, by its header: all of them in a sequential file."""
    count = content[0] if content else 0
    first, last, precision = content[1 + 2 * count : 4 + 2 * count].ljust(3, b"\0")
    if frame.marker != _PROGRESSIVE:
        first, last, precision = 0, 63, 0
    for number in content[1 : 1 + 2 * count : 2]:
        lacking = frame.lacking.setdefault(number, [0] * 64)
        lacking[first : last + 1] = [precision & 15] * (min(last, 63) + 1 - first)


def _refuse_incomplete(frame: _Frame) -> None:
    """Undecodable where scans lack: of a progressive file that was cut between two of them nothing else tells."""
    for number, lacking in frame.lacking.items():
        if any(lacking):
            raise Undecodable("corrupt", f"scans are missing: component {number} has not all of its coefficients")


def _refuse_holes(data: bytes, found: list[_Segment]) -> None:
    """Undecodable where a long run of zero bytes is not, by the scan's Huffman tables, what a flat area looks like.

    A code of zero bits alone is the first of its table. Is that "end of block" (0) for the AC coefficients, zeros are
    flat blocks; else they are a block of 63 equal coefficients after the other, which no picture has.
    """
    first = dict[int, int]()
    for segment, after in pairwise(found):
        content = data[segment.begin : segment.end]
        if segment.marker == _DHT:
            first |= dict(_first_ac_symbols(content))
        if segment.marker == _SOS and data.find(_HOLE, segment.end, after.at) >= 0:
            tables = {each & 15 for each in content[2 : 1 + 2 * content[0] : 2]}
            if any(first.get(table, 0) for table in tables):
                raise Undecodable("corrupt", f"a hole of {len(_HOLE)} or more zero bytes in the compressed pixels")


def _first_ac_symbols(content: bytes) -> Iterator[tuple[int, int]]:
    """(number, first symbol) of each AC table in a DHT segment."""
    at = 0
    while at + 17 < len(content):
        if content[at] >> 4:
            yield content[at] & 15, content[at + 17]
        at += 17 + sum(content[at + 1 : at + 17])
