"""Box lists: tables of reference boxes, whose header says what their four numbers are.

Understood are a corner and two sides (`x, y, w, h`; `x, y, width, height`), and two corners (`x_min, y_min, x_max,
y_max`; `xmin, ...`; `x1, y1, x2, y2`; `left, top, right, bottom`), in any order, in pixels of the source image. NIH's
one cell `Bbox [x,y,w,h]` stands for four columns. Any other header is refused: a guess would move every box.
"""

import math
import re
from collections.abc import Iterator, Sequence

from cxr.core.errors import UserError
from cxr.raw.layouts.base import ReferenceBox
from cxr.raw.tables import TableFile

_LEFT, _TOP = ("xmin", "x1", "left"), ("ymin", "y1", "top")
_CORNERS = (_LEFT, _TOP, ("xmax", "x2", "right"), ("ymax", "y2", "bottom"))
_SIDES = (("x", *_LEFT), ("y", *_TOP), ("w", "width"), ("h", "height"))


def read_boxes(table: TableFile, image: str, label: str) -> Iterator[tuple[str, ReferenceBox]]:
    """(cell of the column `image`, box with the word of the column `label`) of every row.

    UserError: the header is not understood, a row is faulty, or holds no four numbers that are a box in pixels.
    """
    names = table.header(image, label).names
    columns, corners = _columns(table, [name for name in names if name not in (image, label)])
    largest, count = 0.0, 0
    for line, cells in table.rows(image, label, *columns):
        numbers = _numbers(f"{table.path} line {line}", [cells[name] for name in columns])
        x, y, w, h = _corner_and_sides(numbers) if corners else numbers
        if min(w, h) <= 0:
            raise UserError(f"{table.path} line {line}: no box: {', '.join(cells[name] for name in columns)}")
        largest, count = max(largest, x + w, y + h), count + 1
        yield cells[image], ReferenceBox(cells[label], x, y, w, h)
    if count and largest <= 1:
        raise UserError(f"{table.path}: no box reaches beyond 1: fractions of a side? Boxes are in pixels of the image")


def _columns(table: TableFile, names: Sequence[str]) -> tuple[list[str], bool]:
    """The four columns of a box, and whether they are two corners; UserError where the header does not say it."""
    for form, corners in ((_CORNERS, True), (_SIDES, False)):
        found = [[name for name in names if _word(name) in words] for words in form]
        if all(len(columns) == 1 for columns in found):
            return [column for (column,) in found], corners
    raise UserError(
        f"{table.path}: which columns are a box? Its header names {', '.join(filter(None, names)) or 'none'}; "
        "understood are x, y, w, h (or width, height) and x_min, y_min, x_max, y_max"
    )


def _word(name: str) -> str:
    """A column's name without brackets, signs and the word box: `Bbox [x` is x, `x_min` is xmin."""
    return re.sub(r"^(?:bbox|box)|[\s_\-.\[\]()]", "", name.lower().replace("bounding", "").strip(" _"))


def _numbers(place: str, cells: Sequence[str]) -> list[float]:
    """The four finite numbers of a row; UserError names its place."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError as error:
        raise UserError(f"{place}: not four numbers: {', '.join(cells)}") from error
    if not all(map(math.isfinite, numbers)):
        raise UserError(f"{place}: no box: {', '.join(cells)}")
    return numbers


def _corner_and_sides(corners: Sequence[float]) -> list[float]:
    """Left, top, width and height from left, top, right and bottom."""
    left, top, right, bottom = corners
    return [left, top, right - left, bottom - top]
