"""All layouts, a line each, and the questions that are asked without knowing which of them a folder has."""

from collections.abc import Sequence
from pathlib import Path

from cxr.params.schema import Ingest
from cxr.raw.beside import what_is_here
from cxr.raw.layouts.base import Layout
from cxr.raw.layouts.folder import Folder
from cxr.raw.layouts.nih import Nih
from cxr.raw.names import BatchError

LAYOUTS: tuple[type[Layout], ...] = (  # the more particular first: a table says more than a folder's name
    Nih,
    Folder,
)


def layout_for(section: Ingest) -> Layout:
    """The layout that `ingest.layout` names. UserError where its other parameters make no sense to it."""
    return {layout.name: layout for layout in LAYOUTS}[section.layout](section)


def layout_of(names: Sequence[str], source: str) -> type[Layout]:
    """The layout of a folder with files of these names, before anything is copied or opened.

    BatchError says what is wrong with the folder `source` and what was expected.
    """
    for layout in LAYOUTS:
        if layout.recognise(names, source):
            return layout
    here = what_is_here(Path(source), names)
    expected = " nor ".join(f"{layout.recognised_by} (layout {layout.name})" for layout in LAYOUTS)
    raise BatchError(f"{source}: neither {expected}; give the folder that holds them; {here}")


def views_of(folder: Path) -> dict[str, str]:
    """File name to view position as far as any layout's tables in a folder tell it; a scored folder need have none."""
    views: dict[str, str] = {}
    for layout in LAYOUTS:
        views |= layout.views_in(folder)
    return views
