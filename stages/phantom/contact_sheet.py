"""Make docs/images/phantom_contact_sheet.png: every finding, normals, both views, both scanners.

Run as `python -m stages.phantom.contact_sheet`. The sheet is for the eye; nothing reads it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr.runtime import stage_main
from stages.phantom.plan import FINDINGS, StudyPlan, plan_studies
from stages.phantom.render import RenderedStudy, render_study

SHEET = Path("docs/images/phantom_contact_sheet.png")
_BOX_COLOUR = (60, 190, 255)  # BGR
_CAPTION = 22


@dataclass(frozen=True)
class SheetParams:
    """The phantom parameters that the sheet is drawn with."""

    studies: int = 64
    image_size: int = 256
    seed: int = 7
    label_noise: float = 0.0
    prevalence: float = 0.12
    scanner_b_fraction: float = 0.25


def _examples() -> Iterator[tuple[str, StudyPlan, bool]]:
    """Caption, plan and whether to draw boxes, of each picture on the sheet."""
    plans = list(plan_studies(SheetParams(studies=64)))
    firsts = [plan for plan in plans if plan.study == 0]
    for (view, make), plan in zip([("PA", "A"), ("AP", "A"), ("PA", "B"), ("AP", "B")], firsts, strict=False):
        normal = replace(plan, view=view, scanner=make, visibility={})
        yield f"No Finding, {view}, scanner {make}", normal, False
    for i, finding in enumerate(FINDINGS):
        shown = replace(firsts[i + 5], visibility={finding: 0.9})
        yield f"{finding} ({shown.view}, {shown.scanner})", shown, True
    for grade, plan in zip((0.35, 0.15), firsts[20:], strict=False):
        yield f"Nodule, visibility {grade}", replace(plan, visibility={"Nodule": grade}), True


def _picture(caption: str, study: RenderedStudy, boxes: bool) -> NDArray[np.uint8]:
    """One captioned picture (H + caption, W, 3), with its boxes if wanted."""
    image = cv2.cvtColor(study.pixels, cv2.COLOR_GRAY2BGR)
    for box in study.boxes if boxes else ():
        start, end = (int(box.x), int(box.y)), (int(box.x + box.width), int(box.y + box.height))
        cv2.rectangle(image, start, end, _BOX_COLOUR, 1)
    bar = np.zeros((_CAPTION, image.shape[1], 3), np.uint8)
    cv2.putText(bar, caption, (5, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([bar, image])


def contact_sheet(columns: int = 5) -> NDArray[np.uint8]:
    """The sheet as BGR uint8, in rows of `columns` pictures of equal size."""
    params = SheetParams()
    cells = [
        _picture(text, render_study(plan, params.image_size, params.seed), boxes) for text, plan, boxes in _examples()
    ]
    rows = [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    return np.concatenate(rows)


def main() -> None:
    """Write the sheet as 19 shades, so that the file stays small."""
    SHEET.parent.mkdir(parents=True, exist_ok=True)
    shades = (contact_sheet() // 14) * 14
    cv2.imwrite(str(SHEET), shades, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    stage_main.takes_no_arguments()
    main()
