"""Which grey level is white: 16-bit files mostly hold 10, 12 or 14 bits, and would come out nearly black.

PNG's sBIT chunk decides where it is there. Else an image takes the smallest of the depths of its set (`of_set`) that
holds its brightest pixel, so that images of one source keep one scale however dark they are; one that needs more than
any of them takes the smallest depth that holds it. Where nothing is known of a set's 16-bit files, every image goes by
its own. 8-bit files are as they are. Levels are scaled in one place alone, `cxr.imaging.preprocess.to_range`.
"""

from collections.abc import Collection, Sequence

from cxr.imaging.decode import Decoded

DEPTHS = (8, 10, 12, 14, 16)
_FAR = 4  # bits: images that need so many less than the others would have a sixteenth of the range, nearly black
_OWN_SOURCE = 0.05  # of the images: so many such are another source's, not failed exposures


def holding(peak: int) -> int:
    """The smallest depth whose levels go up to `peak`."""
    return next(bits for bits in DEPTHS if peak < 1 << bits)


def by_sbit(decoded: Decoded) -> int | None:
    """The depth that a 16-bit file's sBIT chunk says; 16 where its levels were scaled up, as the standard asks for.

    None where the file has none.
    """
    if decoded.significant_bits is None or decoded.bit_depth == 8:
        return None
    scaled_up = decoded.peak >= 1 << decoded.significant_bits
    return 16 if scaled_up else holding((1 << decoded.significant_bits) - 1)


def possible(decoded: Decoded) -> tuple[int, ...]:
    """Depths by which an image may be scaled, in order: one where the file itself decides, else all that hold it."""
    if decoded.bit_depth == 8:
        return (8,)
    said = by_sbit(decoded)
    return (said,) if said else DEPTHS[DEPTHS.index(holding(decoded.peak)) :]


def chosen(possible: Sequence[int], of_set: Collection[int]) -> int:
    """The depth of an image by what is possible for it and the depths of its set."""
    return next((bits for bits in possible if bits in of_set), possible[0])


def bits_of(decoded: Decoded, of_set: Collection[int]) -> int:
    """The bits by which the image's levels are scaled (8, 10, 12, 14, 16), among images of a set of these depths."""
    return chosen(possible(decoded), of_set)


def of_set(needed: Sequence[int]) -> tuple[int, ...]:
    """Depths of a set by the depth that each of its 16-bit files needs at least, files with an sBIT left out.

    The smallest that holds nine of ten; then, as long as one in twenty needs four bits less, the smallest that holds
    nine of ten of those. Images with less than 10 bits are no such source beside another, but failed exposures of it.
    In ascending order; empty where there are no such files.
    """
    found, rest = list[int](), sorted(needed)
    while rest and len(rest) >= _OWN_SOURCE * len(needed):
        found.append(rest[-(-len(rest) * 9 // 10) - 1])
        rest = [bits for bits in rest if 8 < bits <= found[-1] - _FAR]
    return tuple(reversed(found))
