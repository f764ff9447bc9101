"""Which variant is served: the smallest zipped one whose AUROC on validation holds. Never by measured speed.

The worst label is guarded as well as the mean: pruning forgets rare findings first (Holste et al. 2023, PruneCXR).
"""

from collections.abc import Mapping
from typing import Any

from cxr.model.model_folder import BASE

Figures = Mapping[str, Any]  # bytes, bytes_gzip, multiply_adds, auroc_drop {macro, worst, worst_label}
REPORTED_ONLY = "int8_uint8_output"


def auroc_drop(base: Mapping[str, Any], variant: Mapping[str, Any], labels: list[str]) -> dict[str, Any]:
    """AUROC lost against base: `macro`, and `worst` with its `worst_label`; "n/a" where it can't be measured."""
    lost = {name: _lost(base[name], variant[name]) for name in ("macro", *labels)}
    measured = [(value, name) for name, value in lost.items() if name != "macro" and value != "n/a"]
    worst, label = max(measured, default=("n/a", "n/a"))
    return {"macro": lost["macro"], "worst": worst, "worst_label": label}


def refusal(figures: Figures, max_auroc_drop: float, max_worst_drop: float) -> str:
    """The message why a variant may not be served; empty where it may."""
    drop = figures["auroc_drop"]
    if drop["macro"] == "n/a" or drop["worst"] == "n/a":
        return "its AUROC cannot be measured on validation: no label has both positives and negatives there"
    if drop["macro"] > max_auroc_drop:
        return f"macro AUROC falls by {drop['macro']:.4f}, more than compress.max_auroc_drop {max_auroc_drop:g}"
    if drop["worst"] > max_worst_drop:
        return (
            f"AUROC of {drop['worst_label']} falls by {drop['worst']:.4f}, "
            f"more than compress.max_worst_drop {max_worst_drop:g}"
        )
    return ""


def choose(variants: Mapping[str, Figures], max_auroc_drop: float, max_worst_drop: float) -> dict[str, Any]:
    """`name` and `why` of the variant to serve, and `refused`: for each other one that may not be, the reason."""
    refused = {
        name: refusal(figures, max_auroc_drop, max_worst_drop) for name, figures in variants.items() if name != BASE
    }
    if REPORTED_ONLY in refused:
        refused[REPORTED_ONLY] = refused[REPORTED_ONLY] or "reported only: its probabilities are rounded to 1/256"
    candidates = [name for name in variants if not refused.get(name)]
    name = min(candidates, key=lambda n: (variants[n]["bytes_gzip"], variants[n]["multiply_adds"], n))
    return {"name": name, "why": _why(name, variants, refused), "refused": {n: r for n, r in refused.items() if r}}


def _why(name: str, variants: Mapping[str, Figures], refused: Mapping[str, str]) -> str:
    """The message why a variant was chosen, with the figures that decided it."""
    size, base = variants[name]["bytes_gzip"], variants[BASE]["bytes_gzip"]
    if name != BASE:
        drop = variants[name]["auroc_drop"]
        return (
            f"smallest zipped ({size} bytes against base's {base}) of those within the limits: macro AUROC on "
            f"validation {_moves(drop['macro'])}, the worst label's {_moves(drop['worst'])}"
        )
    if all(refused.get(other) for other in variants if other != BASE):
        return "no compressed variant may be served, so base is: " + "; ".join(
            f"{other}: {reason}" for other, reason in refused.items()
        )
    return f"smallest zipped ({size} bytes): no variant within the limits is smaller"


def _moves(drop: float) -> str:
    """An AUROC drop for reading: `falls by 0.0012`, or `rises by` for a negative one."""
    return f"falls by {drop:.4f}" if drop >= 0 else f"rises by {-drop:.4f}"


def _lost(base: Any, variant: Any) -> Any:
    """Base's AUROC minus the variant's, to six digits; "n/a" where either has none."""
    return "n/a" if "n/a" in (base, variant) else round(base - variant, 6)
