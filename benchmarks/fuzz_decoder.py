"""Damages PNG and JPEG files in many ways and decodes them as the product does, in processes of a pool.

    python -m benchmarks.fuzz_decoder [--mutations 6000] [--seed 1]

Prints how many files were decoded and how many refused for which reason, the slowest of them, and the most memory that
a process had. Status 1 where anything comes out but an image or a refusal by name: another error, a process that dies,
a deadline that passes; or where a JPEG is accepted of which libjpeg-turbo has something to say.
"""

import argparse
import resource
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg

from cxr.core.environment import workers
from cxr.data.preprocessing_spec import Chain
from cxr.imaging.decode import bounded, decode, image_id
from cxr.imaging.formats.undecodable import Undecodable
from cxr.imaging.levels import possible
from cxr.imaging.preprocess import apply
from cxr.imaging.statistics import describe_at
from cxr.runtime.process_pool import Lost, map_unordered

MAX_PIXELS = 4_000_000
Generator = np.random.Generator
JPEGS = (
    (),
    (cv2.IMWRITE_JPEG_OPTIMIZE, 1),
    (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    (cv2.IMWRITE_JPEG_RST_INTERVAL, 3),
    (cv2.IMWRITE_JPEG_QUALITY, 30, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
)
PNGS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda grey: grey,
    lambda grey: np.dstack([grey, grey[::-1], grey]),
    lambda grey: np.dstack([grey, grey, grey, grey[::-1]]),
    lambda grey: grey.astype(np.uint16) * 16,
    lambda grey: np.dstack([grey, grey, grey, grey[::-1]]).astype(np.uint16) * 257,
)


@dataclass(frozen=True)
class Result:
    """What came of a file: "decoded" or the reason of its refusal, or what should not be; seconds and bytes it took."""

    outcome: str
    seconds: float
    peak: int
    wrong: str = ""


def sound(generator: Generator) -> bytes:
    """A file of some kind, of some dozens of pixels a side."""
    height, width = (int(side) for side in generator.integers(8, 90, 2))
    small = generator.integers(0, 256, (5, 5)).astype(np.uint8)
    grey = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if generator.random() < 0.5:
        pixels = grey if generator.random() < 0.5 else np.dstack([grey, grey[::-1], grey])
        return cv2.imencode(".jpg", pixels, JPEGS[generator.integers(len(JPEGS))])[1].tobytes()
    return cv2.imencode(".png", PNGS[generator.integers(len(PNGS))](grey))[1].tobytes()


def flip(data: bytearray, generator: Generator) -> None:
    """Turn over some bits anywhere."""
    for at in generator.integers(0, len(data), int(generator.integers(1, 6))):
        data[at] ^= 1 << int(generator.integers(8))


def cut(data: bytearray, generator: Generator) -> None:
    """Cut the end off, and put an end marker there, or not."""
    del data[int(generator.integers(1, len(data))) :]
    if generator.random() < 0.5:
        data += b"\xff\xd9"


def hole(data: bytearray, generator: Generator) -> None:
    """Overwrite a piece by zeros or noise, or take it out."""
    begin = int(generator.integers(0, len(data)))
    end = min(len(data), begin + int(generator.integers(1, 400)))
    fill = (bytes(end - begin), generator.bytes(end - begin), b"")[generator.integers(3)]
    data[begin:end] = fill


def splice(data: bytearray, generator: Generator) -> None:
    """Go on with another file, from somewhere in its middle."""
    other = sound(generator)
    data[int(generator.integers(1, len(data))) :] = other[int(generator.integers(1, len(other))) :]


def header(data: bytearray, generator: Generator) -> None:
    """Other numbers in the first 60 bytes; a PNG's header keeps a checksum that fits."""
    for at in generator.integers(2, min(60, len(data)), int(generator.integers(1, 4))):
        data[at] = int(generator.integers(256))
    if data[12:16] == b"IHDR" and generator.random() < 0.8:
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))


def chunks(data: bytearray, generator: Generator) -> None:
    """Put a chunk or segment in: texts that unfold, lengths that lie, wrong bits, orientations, scans again."""
    if data.startswith(b"\x89PNG"):
        name = (b"zTXt", b"iCCP", b"eXIf", b"sBIT", b"tRNS", b"PLTE", b"acTL", b"IDAT")[generator.integers(8)]
        content = generator.bytes(int(generator.integers(0, 40)))
        if name in (b"zTXt", b"iCCP"):
            content = b"k\0\0" + zlib.compress(bytes(1 << 22))
        made = name + content
        data[33:33] = struct.pack(">I", len(content)) + made + struct.pack(">I", zlib.crc32(made))
        return
    if (scan := data.rfind(b"\xff\xda")) > 0 and generator.random() < 0.5:
        data[-2:] = bytes(data[scan:-2]) * int(generator.integers(1, 30)) + b"\xff\xd9"
        return
    marker = (0xE1, 0xDB, 0xC4, 0xDD, 0xC0, 0xC2, 0xFE)[generator.integers(7)]
    content = generator.bytes(int(generator.integers(0, 60)))
    data[2:2] = bytes((0xFF, marker)) + struct.pack(">H", int(generator.integers(0, 70))) + content


MUTATIONS: tuple[Callable[[bytearray, Generator], None], ...] = (flip, cut, hole, splice, header, chunks)


def mutated(seed: int, number: int) -> bytes:
    """One damaged file; the same for the same numbers."""
    generator = np.random.default_rng([seed, number])
    data = bytearray(sound(generator))
    MUTATIONS[number % len(MUTATIONS)](data, generator)
    return bytes(data)


def tried(item: tuple[int, int]) -> Result:
    """Decode one damaged file, and do with it what ingest and preprocess do."""
    data = mutated(*item)
    start, wrong = time.perf_counter(), ""
    try:
        with bounded(MAX_PIXELS):
            decoded = decode(data, MAX_PIXELS)
            image_id(decoded)
            describe_at(decoded, possible(decoded))
            apply(Chain(32, 2.0, 2, 1), decoded)
        outcome = "decoded"
        wrong = complaint(data) if decoded.kind == "jpeg" else ""
    except Undecodable as error:
        outcome = error.reason
    except Exception as error:
        outcome, wrong = "another error", f"{type(error).__name__}: {error}"
    return Result(outcome, time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10, wrong)


def complaint(data: bytes) -> str:
    """What libjpeg-turbo says of a whole JPEG that was accepted, decoded in colour and at its full size."""
    try:
        simplejpeg.decode_jpeg(data, "RGB")
    except ValueError as error:
        return f"accepted, but libjpeg says: {error}"
    return ""


def run(seed: int, mutations: int) -> int:
    """Try all, and say what came out; 1 where something did that should not."""
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    slowest, peak = (0.0, 0), 0
    items = [(seed, number) for number in range(mutations)]
    for index, result in map_unordered(tried, items, workers()):
        if isinstance(result, Lost):
            outcomes[result.name] += 1
            faults.append(f"file {index}: {result.value}")
            continue
        outcomes[result.outcome] += 1
        slowest, peak = max(slowest, (result.seconds, index)), max(peak, result.peak)
        if result.wrong:
            faults.append(f"file {index}: {result.wrong}")
    print(f"{mutations} damaged files (seed {seed}):", ", ".join(f"{n} {name}" for name, n in outcomes.most_common()))
    print(f"slowest: file {slowest[1]}, {slowest[0] * 1000:.0f} ms; most memory of a process: {peak >> 20} MB")
    print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


def main() -> int:
    """Read the command line; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return run(options.seed, options.mutations)


if __name__ == "__main__":
    sys.exit(main())
