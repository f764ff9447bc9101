"""A batch of rendered studies on disk, in the layout and with the spelling in which NIH ships its set.

`Data_Entry_2017_v2020.csv`, `BBox_List_2017.csv` and `images/`. Boxes are in the pixels of the
image as rendered (NIH's are in those of a 1024 x 1024 image). A finding that label noise took out
of the CSV has no box either: box lists are drawn up from images that carry the label.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr.core.environment import workers
from cxr.core.files import write_checksums, write_text
from cxr.runtime import progress
from cxr.runtime.process_pool import map_ordered
from stages.phantom.plan import PhantomParams, StudyPlan, plan_studies
from stages.phantom.render import RenderedStudy, render_study
from stages.phantom.scanner import SCANNERS

DATA_ENTRY = "Data_Entry_2017_v2020.csv"
BOX_LIST = "BBox_List_2017.csv"
_ENTRY_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"
)
_BOX_HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"
# Measured on these images: Huffman codes alone, of differences to the row above, take 40 % of the time of OpenCV's
# default and are 3 % smaller. Noise has no repeats to be found.
_PNG = [
    cv2.IMWRITE_PNG_COMPRESSION, 1,
    cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY,
    cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP,
]  # fmt: skip
_CHUNK = 64  # studies handed to a process at once; fewer are not worth its start


def entry_line(plan: StudyPlan) -> str:
    """The study's line of the Data_Entry CSV (11 fields under a header that splits into 11)."""
    make = SCANNERS[plan.scanner]
    fields = [
        plan.image_index, "|".join(plan.labels) or "No Finding", plan.study, plan.patient, plan.age,
        plan.sex, plan.view, make.width, make.height, make.spacing, make.spacing,
    ]  # fmt: skip
    return ",".join(map(str, fields)) + "\n"


def box_lines(plan: StudyPlan, study: RenderedStudy) -> str:
    """The study's lines of the box list (6 fields, pixels to a thousandth)."""
    lines = []
    for box in study.boxes:
        if box.finding in plan.labels:
            name = "Infiltrate" if box.finding == "Infiltration" else box.finding
            corner = ",".join(f"{v:.3f}" for v in (box.x, box.y, box.width, box.height))
            lines.append(f"{plan.image_index},{name},{corner}\n")
    return "".join(lines)


def _plans(params: PhantomParams, scanner: str | None, studies: int | None, first_patient: int) -> Iterator[StudyPlan]:
    """The plans of a batch; a given scanner takes all the pictures."""
    if scanner is not None and scanner not in SCANNERS:
        raise ValueError(f"scanner {scanner!r}: there are only {', '.join(SCANNERS)}")
    for plan in plan_studies(params, studies=studies, first_patient=first_patient):
        yield plan if scanner is None else replace(plan, scanner=scanner)


def _write_images(images: Path, size: int, seed: int, plans: list[StudyPlan]) -> str:
    """Render studies into the folder `images`, and return their lines of the box list."""
    lines = []
    for plan in plans:
        study = render_study(plan, size, seed)
        (images / plan.image_index).write_bytes(encoded(study.pixels))
        lines.append(box_lines(plan, study))
    return "".join(lines)


def encoded(pixels: NDArray[np.uint8]) -> bytes:
    """A radiograph (H, W) as PNG bytes, always compressed alike."""
    done, content = cv2.imencode(".png", pixels, _PNG)
    if not done:
        raise RuntimeError("OpenCV could not encode a PNG")
    return content.tobytes()


def write_batch(
    folder: Path,
    params: PhantomParams,
    *,
    scanner: str | None = None,
    studies: int | None = None,
    first_patient: int = 1,
) -> int:
    """Render a batch into an existing `folder`, write its SHA256SUMS, and return the number of images.

    `scanner` ("A" or "B") takes all pictures instead of a `scanner_b_fraction` of them, `studies`
    overrides `params.studies`, and patients count from `first_patient`: a later batch of other
    patients starts where this one ended. The bytes do not depend on `workers()`. Raises ValueError on an unknown
    scanner.
    """
    plans = list(_plans(params, scanner, studies, first_patient))
    images = folder / "images"
    images.mkdir(parents=True)
    chunks = [plans[start : start + _CHUNK] for start in range(0, len(plans), _CHUNK)]
    render = partial(_write_images, images, params.image_size, params.seed)
    boxes = []
    with progress.bar(what="phantom", unit="image", total=len(plans)) as bar:
        for chunk, lines in zip(chunks, map_ordered(render, chunks, min(workers(), len(chunks))), strict=True):
            boxes.append(lines)
            bar.update(len(chunk))
    write_text(folder / DATA_ENTRY, _ENTRY_HEADER + "".join(map(entry_line, plans)))
    write_text(folder / BOX_LIST, _BOX_HEADER + "".join(boxes))
    write_checksums(folder)
    return len(plans)
