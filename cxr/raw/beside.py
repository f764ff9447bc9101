"""What stands beside images in a folder: documents and tables that nobody reads, packed images, images of other kinds.

Only names are looked at, but for the message about a folder in which nothing is recognised.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from cxr.core.files import NotAPlainFile, open_regular
from cxr.imaging.decode import inspect
from cxr.imaging.formats.undecodable import Undecodable
from cxr.raw.layouts.base import Claims
from cxr.raw.names import IMAGE_KINDS, BatchError, in_short, is_document, is_image, is_packed

_OTHER_KINDS = {
    ".dcm": "DICOM",
    ".dicom": "DICOM",
    ".ima": "DICOM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WebP",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".jp2": "JPEG 2000",
    ".j2k": "JPEG 2000",
    ".heic": "HEIF",
    ".avif": "AVIF",
    ".nii": "NIfTI",
    ".npy": "NumPy",
    ".npz": "NumPy",
    ".mha": "MetaImage",
    ".mhd": "MetaImage",
    ".nrrd": "NRRD",
}
_MOST_KINDS = 3
_HEAD = 4096  # bytes that tell a file's kind


def left_out(claims: Claims, names: Iterable[str]) -> list[str]:
    """Those of a batch's files that are no input: what the layout leaves out, and documents that it does not read."""
    return [name for name in names if name in claims.left_out or (is_document(name) and name not in claims.tables)]


def refuse_packed(names: Sequence[str], source: str) -> None:
    """BatchError where packed files are among the names: what is in them would be missed in silence."""
    packed = [name for name in names if is_packed(name)]
    if packed:
        raise BatchError(
            f"{source}: {in_short(packed)}: packed; unpack {'it' if len(packed) == 1 else 'them'} there, or move "
            f"{'it' if len(packed) == 1 else 'them'} away if what is inside stands here already"
        )


def what_is_here(source: Path, names: Sequence[str]) -> str:
    """What a folder holds, for the message where nothing in it can come in: counts by kind, most frequent first."""
    if not names:
        return "no file is here"
    counts = Counter(_kind_of(source, name) for name in names if not is_document(name)).most_common(_MOST_KINDS)
    tables = [name for name in names if is_document(name) and "/" not in name]
    parts = [f"{count} {kind if count > 1 else kind.replace('files', 'file')}" for kind, count in counts]
    parts += [f"beside them {in_short(tables)}"] if tables and parts else [in_short(tables)] if tables else []
    advice = f"; only {IMAGE_KINDS} come in: convert what is of another kind" if _of_another_kind(names) else ""
    return f"here are {', '.join(parts)}{advice}"


def _of_another_kind(names: Sequence[str]) -> bool:
    """Whether there are files that are no documents, and no image of a kind that comes in among them."""
    others = [name for name in names if not is_document(name)]
    return bool(others) and not any(map(is_image, others))


def _kind_of(source: Path, name: str) -> str:
    """What a file is, by its name, else by its first bytes."""
    suffix = _suffix(name)
    if is_image(name) or suffix in _OTHER_KINDS:
        return f"{_OTHER_KINDS.get(suffix, suffix)} files"
    return f"files {suffix or 'without suffix'}{_content_of(source / name)}"


def _content_of(path: Path) -> str:
    """What a file's first bytes say that it is, in brackets; "" where they say nothing."""
    try:
        with open_regular(path) as stream:
            return f" ({inspect(stream.read(_HEAD)).kind.upper()} by content: give them that suffix)"
    except Undecodable as error:
        found = error.detail.partition("its content is a ")[2].partition(";")[0]
        return f" ({found} by content)" if found else ""
    except (OSError, NotAPlainFile):
        return ""


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
