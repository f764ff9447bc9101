"""What each variant is made of, what its card adds, and the figures that are reported. Nothing is read or written here.

Parents are float nets: `base`, and `pruned` for the variants that are made from the pruned net.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tf_keras as keras

from cxr.core.files import number
from cxr.model.card import ModelCard
from cxr.model.model_folder import BASE
from cxr.params.learning import Compress
from cxr.training.tflite import float_tflite
from stages.compress import choice, convert, cost

# name: float net it is made from. The order is the one in which they are made, parents before children.
PARENTS = {
    BASE: "base",
    "pruned": "pruned",
    "float16": "base",
    "int8": "base",
    choice.REPORTED_ONLY: "base",
    "pruned_int8": "pruned",
}


def wanted(compress: Compress) -> list[str]:
    """Names of the variants to make: those asked for, the parents they need, and the rounded one where it is on."""
    asked = {*compress.variants, *([choice.REPORTED_ONLY] if compress.uint8_output else [])}
    needed = asked | {PARENTS[name] for name in asked}
    return [name for name in PARENTS if name in needed and name != BASE]


def tflite_of(name: str, net: keras.Model, representative: np.ndarray, task: str) -> bytes:
    """The flatbuffer of a variant, from its float net; `representative` uint8 (n, H, W, C) for the int8 ones."""
    if name == "float16":
        return convert.float16(net)
    if name in ("int8", "pruned_int8"):
        return convert.int8(net, representative)
    if name == choice.REPORTED_ONLY:
        return convert.int8_uint8_output(net, representative, task)
    return float_tflite(net)


def card_of(name: str, base: ModelCard, net: keras.Model, parent: str, code_version: str) -> ModelCard:
    """A variant's card, still with what was measured of base; `parent` is the identity of the model it is made from."""
    entries = {"name": name, "parent": parent, "code_version": code_version, "sparsity": number(cost.sparsity(net))}
    return base.model_copy(update=entries | ({"output": "probabilities"} if name == choice.REPORTED_ONLY else {}))


def figures(net: keras.Model, tflite: bytes, auroc: Mapping[str, Any], base_auroc: Mapping[str, Any]) -> dict[str, Any]:
    """Bytes, sparsity and multiply-adds of a variant, its AUROC on validation and what it lost against base.

    `sparsity` is that of the float parent's kernels; rounding to int8 only adds zeros.
    """
    labels = [name for name in auroc if name not in ("macro", "worst")]
    return {
        "bytes": len(tflite),
        "bytes_gzip": cost.zipped_bytes(tflite),
        "sparsity": number(cost.sparsity(net)),
        "sparsity_by_layer": {name: number(value) for name, value in cost.sparsity_by_layer(net).items()},
        "multiply_adds": cost.multiply_adds(net),
        "auroc": {name: auroc[name] for name in ("macro", "worst")},
        "auroc_drop": choice.auroc_drop(base_auroc, auroc, labels),
    }


def summary(measured: Mapping[str, Mapping[str, Any]], compress: Compress) -> dict[str, Any]:
    """What `metrics/compress.json` holds: each variant's figures and why it was refused ("n/a" if not), `chosen`."""
    chosen = choice.choose(measured, compress.max_auroc_drop, compress.max_worst_drop)
    refused = chosen.pop("refused")
    return {
        **{name: {**entry, "refused": refused.get(name, "n/a")} for name, entry in measured.items()},
        "chosen": chosen,
    }
