"""Which of the pipeline's files the gate reads, told before any of them is here. The raw images only where it must."""

from pathlib import Path

from cxr.data.preprocessing_spec import Chain
from cxr.model import model_folder
from cxr.params import Params
from serving.registry import releases

ALWAYS = ("data/manifest.parquet", "data/merged.csv", "data/processed", "metrics", "models/base", "models/compressed")


def paths(params: Params, production: Path) -> list[str]:
    """Files and folders, relative to the project, that `serving.gate` and an installation read.

    The raw set is among them where the champion preprocesses otherwise than `params` asks for: its images are made
    from the raw ones then. Not where only the depths of 16-bit files differ, which the manifest alone tells.
    HashMismatch where the champion's files are not as recorded.
    """
    return [*ALWAYS, *([f"data/raw/{params.ingest.set}"] if _preprocesses_otherwise(params, production) else [])]


def _preprocesses_otherwise(params: Params, production: Path) -> bool:
    """False where nothing is in production: then there is nothing to compare."""
    try:
        release = releases.current(production)
    except releases.NothingInProduction:
        return False
    champion = model_folder.read_card(release.folder).preprocessing
    asked = Chain.from_params(params.preprocess, params.ingest.channels, champion.level_bits)
    return champion != asked
