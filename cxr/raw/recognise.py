"""Which layout a folder has, by its names alone, before anything is copied."""
from collections import Counter
from collections.abc import Sequence

from cxr.raw.names import SPLIT_FOLDERS, TABLE, BatchError, is_image, table_of


def layout_of(names: Sequence[str], source: str) -> str:
    """"nih" or "folder"; BatchError says what is wrong and what was expected."""
    names = list(names)
    if tables := table_of(names):
        return _nih(names, tables, source)
    deeper = sorted({name.split("/")[0] for name in names if TABLE.fullmatch(name.rpartition("/")[2])})
    if deeper:
        raise BatchError(f"{source}: the Data_Entry table stands one level down; give FROM={source}/{deeper[0]}")
    return _folder(names, source)


def class_of(name: str) -> tuple[str, str]:
    """(class folder, "train", "validation", "test" or "") of a path in layout `folder`; class "" where it has none."""
    parts = name.split("/")
    split = SPLIT_FOLDERS.get(parts[0].lower(), "") if len(parts) > 1 else ""
    inside = parts[1:] if split else parts
    return (inside[0] if len(inside) > 1 else ""), split


def _nih(names: list[str], tables: list[str], source: str) -> str:
    if len(tables) > 1:
        raise BatchError(f"{source}: {len(tables)} tables ({', '.join(tables)}); their labels differ, keep one")
    if not any(is_image(name) or name.endswith(".tar") for name in names):
        raise BatchError(f"{source}: a Data_Entry table, but no PNG or JPEG in images*/")
    return "nih"


def _folder(names: list[str], source: str) -> str:
    images = [name for name in names if is_image(name)]
    if not images:
        raise BatchError(f"{source}: neither a Data_Entry*.csv (layout nih) nor class folders with PNG or JPEG files "
                         "(layout folder); give the folder that holds them")
    classes = Counter(class_of(name)[0] for name in images)
    if classes[""] == len(images):
        raise BatchError(f"{source}: its images stand in no class folder; put each class into a folder named after it")
    inner = {name.split("/")[1].lower() for name in images if name.count("/") > 1}
    if len(classes) == 1 and inner & SPLIT_FOLDERS.keys():
        raise BatchError(f"{source}: train and test stand one level down; give FROM={source}/{next(iter(classes))}")
    return "folder"
