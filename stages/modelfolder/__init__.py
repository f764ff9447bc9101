"""A model as a folder: spec.json, weights.npz, card.json, model.tflite and reference.npz (where there are), SHA256SUMS.

Nothing in it is code: the net is built by `stages.nets` from the spec, the weights are plain arrays, every file is
compared with the seal before it is read.
"""
from stages.modelfolder.folder import (
    CARD,
    REFERENCE,
    TFLITE,
    identity,
    read_card,
    read_reference,
    read_spec,
    read_tflite,
    read_weights,
    write,
)
from stages.modelfolder.reference import Reference

__all__ = [
    "CARD", "REFERENCE", "TFLITE", "Reference", "identity", "read_card", "read_reference", "read_spec", "read_tflite",
    "read_weights", "write",
]
