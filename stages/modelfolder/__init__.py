"""A model as a folder: spec.json, weights.npz, card.json, model.tflite (where there is one) and SHA256SUMS.

Nothing in it is code: the net is built by `stages.nets` from the spec, the weights are plain arrays, every file is
compared with the seal before it is read.
"""
from stages.modelfolder.folder import (
    CARD,
    TFLITE,
    identity,
    read_card,
    read_spec,
    read_tflite,
    read_weights,
    write,
)

__all__ = ["CARD", "TFLITE", "identity", "read_card", "read_spec", "read_tflite", "read_weights", "write"]
