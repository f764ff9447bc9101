"""The reference that production is compared with: validation studies as the model saw them when it was made.

Kept in the model folder as `reference.npz`, plain arrays. It holds no image, no id and no patient's key: patients are
numbered, since studies of one patient resemble each other and a test has to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

MOST = 1000  # studies at which no further patient is taken in


@dataclass(frozen=True)
class Reference:
    """n validation studies, none of the gate's; the same row in every array is the same study.

    `patient` int32 (n,), numbered from 0; `view` str (n,), "" unknown; `width`, `height` int32 (n,) pixels;
    `bit_depth` int16 (n,); `statistics` float32 (n, len(names)) by `names` (str); `features` float32 (n, k);
    `logits` float32 (n, labels); `targets` uint8 (n, labels), one-hot for multiclass.
    """

    patient: np.ndarray
    view: np.ndarray
    width: np.ndarray
    height: np.ndarray
    bit_depth: np.ndarray
    names: np.ndarray
    statistics: np.ndarray
    features: np.ndarray
    logits: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        """How many validation studies the reference holds."""
        return len(self.logits)

    def arrays(self) -> dict[str, np.ndarray]:
        """What is written: the fields by their names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Reference":
        """Read back what `arrays` gave; ValueError names the arrays that are missing."""
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if name not in arrays]:
            raise ValueError(f"the reference lacks {', '.join(missing)}; make the model again (`dvc repro`)")
        return cls(**{name: arrays[name] for name in names})
