"""What decides the pixels of a processed image, apart from the image: pixels with another recipe are never mixed in."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cxr.core.code_version import code_version
from cxr.core.files import canonical_json, write_json
from cxr.data.preprocessing_spec import Chain

CHAIN, CODE = "chain.json", "code.json"


@dataclass(frozen=True)
class Recipe:
    """The chain's parameters, the version of the code that applies it, and the libraries that do the arithmetic."""

    chain: Chain
    code: dict[str, str]

    @classmethod
    def present(cls, chain: Chain) -> "Recipe":
        """The recipe of this very code and these very libraries."""
        code = code_version(
            "cxr/data/preprocessing_spec.py",
            "cxr/imaging/decode.py",
            "cxr/imaging/formats",
            "cxr/imaging/levels.py",
            "cxr/imaging/preprocess.py",
        )
        return cls(chain, {"code_version": code, "numpy": np.__version__, "opencv": cv2.__version__})

    @property
    def key(self) -> str:
        """16 hex digits that name the recipe in the per-image cache."""
        return hashlib.sha256(canonical_json(self.files()).encode()).hexdigest()[:16]

    def files(self) -> dict[str, Any]:
        """File name to JSON content, as they are written to `data/processed`."""
        return {CHAIN: self.chain.to_dict(), CODE: self.code}

    def write(self, folder: Path) -> None:
        """Write `chain.json` (what a model's card takes over) and `code.json` into the folder."""
        for name, content in self.files().items():
            write_json(folder / name, content)
