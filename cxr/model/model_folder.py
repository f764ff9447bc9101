"""Reading and writing model folders; TensorFlow is not needed for it."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr.core.errors import HashMismatch
from cxr.core.files import (
    CHECKSUMS,
    atomic_folder,
    read_checksums,
    read_json,
    sha256_file,
    write_bytes,
    write_checksums,
    write_json,
)
from cxr.model.card import ModelCard
from cxr.model.reference import Reference

BASE = "base"  # the trained net; every other variant was made from it
MODELS = Path("models")
SPEC, WEIGHTS, CARD, TFLITE, REFERENCE = "spec.json", "weights.npz", "card.json", "model.tflite", "reference.npz"


def of_variant(name: str, models: Path = MODELS) -> Path:
    """The model folder of a variant: `base` by train, any other by compress. It need not exist."""
    return models / BASE if name == BASE else models / "compressed" / name


def write(
    folder: Path,
    *,
    spec: dict[str, Any],
    weights: Sequence[np.ndarray],
    card: ModelCard,
    tflite: bytes | None,
    reference: Reference | None = None,
) -> None:
    """Write a model folder with its checksums, whole or not at all; weights in the net's own order."""
    with atomic_folder(folder) as temporary:
        write_json(temporary / SPEC, spec)
        write_bytes(temporary / WEIGHTS, pack(weights))
        card.write(temporary / CARD)
        if tflite is not None:
            write_bytes(temporary / TFLITE, tflite)
        if reference is not None:
            write_bytes(temporary / REFERENCE, pack_named(reference.arrays()))
        write_checksums(temporary)


def pack(arrays: Sequence[np.ndarray]) -> bytes:
    """Arrays by their position, as `pack_named`."""
    return pack_named({f"{position:04d}": array for position, array in enumerate(arrays)})


def pack_named(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as an uncompressed .npz with fixed dates: the same arrays give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue())
    return stream.getvalue()


def unpack(path: Path) -> list[np.ndarray]:
    """Arrays of a file that `pack` made, in their order. ValueError where it holds pickled objects."""
    with np.load(path, allow_pickle=False) as archive:
        return [archive[name] for name in sorted(archive.files)]


def checked(folder: Path, name: str) -> Path:
    """Path of one file of a model folder; HashMismatch where its bytes are not as recorded."""
    try:
        recorded = read_checksums(folder)
    except OSError as error:
        raise HashMismatch(f"{folder / CHECKSUMS}: missing; {folder} is no model folder, or was cut off") from error
    path = folder / name
    if name not in recorded:
        raise HashMismatch(f"{path}: not in {folder / CHECKSUMS}")
    if not path.is_file() or sha256_file(path) != recorded[name]:
        raise HashMismatch(f"{path}: missing, or its SHA-256 is not the one in {folder / CHECKSUMS}")
    return path


def read_card(folder: Path) -> ModelCard:
    """What the model is and how to use it; HashMismatch where its bytes are not as recorded.

    UnreadableDocument names the first key that does not fit, or the format where it is newer than this code.
    """
    return ModelCard.read(checked(folder, CARD))


def read_spec(folder: Path) -> dict[str, Any]:
    """The spec from which `cxr.nets.factory` builds the net; HashMismatch where its bytes are not as recorded."""
    return dict(read_json(checked(folder, SPEC)))


def read_weights(folder: Path) -> list[np.ndarray]:
    """Weights in the order of the net's `set_weights`."""
    return unpack(checked(folder, WEIGHTS))


def read_tflite(folder: Path) -> bytes:
    """The bytes of the TFLite file; HashMismatch where they are not those in SHA256SUMS."""
    return checked(folder, TFLITE).read_bytes()


def read_reference(folder: Path) -> Reference:
    """The validation studies that production is compared with; HashMismatch where there are none."""
    path = checked(folder, REFERENCE)
    try:
        with np.load(path, allow_pickle=False) as archive:
            return Reference.from_arrays(dict(archive))
    except ValueError as error:
        raise HashMismatch(f"{path}: {error}") from error


def identity(folder: Path) -> str:
    """Name of the model by content: the SHA-256 of its SHA256SUMS."""
    return sha256_file(folder / CHECKSUMS)
