"""Sections on what compression costs and gains, and on what the model looks at."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from cxr.params import Params
from stages.report.inputs import METRICS, OVERLAYS, ReportInputs
from stages.report.numbers import count, figure, interval, large, percent, plain, scientific, size
from stages.report.page import Cell, Chapter, Paragraph, Part, Pictures, Table, stacked

KINDS = {"true_positive": "true positive", "false_positive": "false positive"}
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 85]


def compression(inputs: ReportInputs, params: Params) -> Chapter:
    """A row for each variant: bytes, work, speed, AUROC; what was chosen and why; the verdicts."""
    compressed = inputs["compress"]
    missing = [
        f"{METRICS[name]}: made by `dvc repro {'compress' if name == 'compress' else 'evaluate'}`"
        for name in ("compress", "latency")
        if not inputs[name]
    ]
    if not compressed:
        return Chapter("compression", "Compression", missing=missing)
    parts: list[Part] = [_chosen(inputs), _variants(inputs), *_verdicts(inputs), *_sparsity(inputs)]
    return Chapter("compression", "Compression", parts, missing)


def _chosen(inputs: ReportInputs) -> Paragraph:
    """A paragraph on which variant is served, and why."""
    chosen = inputs["compress"].get("chosen", {})
    why = _sentence(chosen.get("why", ""))
    return Paragraph(
        f"Served: {inputs.chosen}. {why}Chosen by AUROC on validation, bytes and multiply-adds; speed is "
        "measured on this machine, one image at a time, and decides nothing."
    )


def _sentence(text: str) -> str:
    """The text with a capital and a full stop; empty for an empty one."""
    return f"{text[0].upper()}{text[1:].rstrip('.')}. " if text else ""


def _variants(inputs: ReportInputs) -> Table:
    """A row for each variant: AUROC on test, bytes, sparsity, multiply-adds, time."""
    titles = [
        "Variant",
        "#Macro AUROC, test",
        "#Bytes",
        "#Zipped",
        "#Sparsity",
        "#Multiply-adds",
        "#ms an image",
        "#Speed",
    ]
    rows = [_variant(inputs, name) for name in inputs.variants if name in inputs["compress"]]
    return Table(titles, rows, "Variants")


def _variant(inputs: ReportInputs, name: str) -> list[Cell]:
    """One variant's row of the table, figures that were not measured as "n/a"."""
    compressed, speed = inputs["compress"][name], inputs["latency"].get(name, {})
    tested = inputs["evaluate"].get(name, {})
    macro, bounds = (tested.get(key, {}).get("macro") for key in ("auroc", "auroc_interval"))
    ratio = speed.get("speed_ratio", {})
    return [
        stacked(name, "served" if name == inputs.chosen else ""),
        stacked(figure(macro), interval(bounds)),
        size(compressed.get("bytes")),
        size(compressed.get("bytes_gzip")),
        percent(compressed.get("sparsity")),
        large(compressed.get("multiply_adds")),
        figure(speed.get("ms_per_image"), 2),
        stacked(f"{figure(ratio.get('median'), 2)}x" if ratio else "n/a", interval(ratio, 2)),
    ]


def _verdicts(inputs: ReportInputs) -> list[Part]:
    """Whether each variant pays, and why those refused are not served; nothing where neither is known."""
    rows: list[list[Cell]] = []
    for name in inputs.variants:
        verdict = str(inputs["latency"].get(name, {}).get("verdict", "")).removeprefix(f"{name}: ")
        refused = inputs["compress"].get(name, {}).get("refused", "n/a")
        if verdict or refused != "n/a":
            rows.append([name, verdict or "n/a", "" if refused == "n/a" else str(refused)])
    titles = ["Variant", f"Does it pay? (test, {_processor(inputs)})", "Not served because (validation)"]
    return [Table(titles, rows, "Verdicts")] if rows else []


def _processor(inputs: ReportInputs) -> str:
    """The processor that the times were measured on."""
    return str(inputs["latency"].get("base", {}).get("processor", "the machine that measured"))


def _sparsity(inputs: ReportInputs) -> list[Part]:
    """Zeros in each layer of the pruned net, folded; nothing without a pruned variant."""
    by_layer = inputs["compress"].get("pruned", {}).get("sparsity_by_layer", {})
    rows = [[layer, percent(value, 1)] for layer, value in by_layer.items()]
    return [Table(["Layer", "#Zeros"], rows, "Sparsity of the pruned net, layer by layer", folded=True)] if rows else []


def explanations(inputs: ReportInputs, params: Params) -> Chapter:
    """The pointing game, the sanity check, the overlays."""
    explain = inputs["explain"]
    missing = [] if explain else [f"{METRICS['explain']}: made by `dvc repro explain`"]
    parts: list[Part] = [*_game(explain.get("pointing_game", {})), *_sanity(explain)] if explain else []
    pictures = _pictures(inputs, params.report.overlays)
    if pictures:
        parts.append(
            Pictures(
                "Red speaks for the label, blue against it; green frames are the label's reference "
                "boxes, grey ones another label's.",
                pictures,
            )
        )
    elif inputs.metrics.get("overlays") is None:
        missing.append(f"{METRICS['overlays']}: made by `dvc repro explain`")
    return Chapter("explanations", "Explanations", parts, missing)


def _game(game: Mapping[str, Any]) -> list[Part]:
    """The pointing game against its baselines, over all labels and by label."""
    if not game.get("images"):
        return [Paragraph("Pointing game: n/a, no test image has a reference box.")]
    methods = ("score", "class_prior", "centre", "random")
    share = game.get("hit_share", {})
    text = (
        "Pointing game: how often the strongest point of the attribution lies in a reference box of the label, as "
        f"a mean over labels. It counts only above the trivial answers. {count(game.get('hits'))} hits in "
        f"{count(game['images'])} images: {figure(share.get('value'), 2)} {interval(share, 2)}."
    )
    rows = [
        [plain(label), count(entry["images"]), *(figure(entry[m], 2) for m in methods)]
        for label, entry in game.get("by_label", {}).items()
    ]
    total = ["mean over labels", count(game["images"]), *(figure(game.get(m), 2) for m in methods)]
    titles = ["Label", "#Images", "#Model", "#Class prior", "#Centre", "#Random"]
    return [Paragraph(text), Table(titles, [total, *rows])]


def _sanity(explain: Mapping[str, Any]) -> list[Part]:
    """A paragraph on the completeness error and the check with scrambled weights."""
    alike, error = explain.get("sanity", {}).get("randomised_correlation"), explain.get("completeness_error")
    method = explain.get("method", {}).get("name", "SHAP")
    return [
        Paragraph(
            f"Method: {method}. Completeness error {scientific(error)}. With the top of the net scrambled "
            f"the maps correlate with the real ones by {figure(alike, 2)}: the lower, the more they show "
            "what was learned."
        )
    ]


def _pictures(inputs: ReportInputs, most: int) -> list[tuple[str, str]]:
    """At most `most` overlays: first ranks of every label and kind before second ranks, shown in the list's order."""
    listed: Sequence[Mapping[str, Any]] = inputs.metrics.get("overlays", [])
    seen: dict[tuple[str, str], int] = {}
    ranked = []
    for position, entry in enumerate(listed):
        group = (entry["label"], entry["kind"])
        seen[group] = seen.get(group, 0) + 1
        ranked.append((seen[group], position))
    kept = sorted(position for _, position in sorted(ranked)[:most])
    return [found for position in kept if (found := _picture(inputs, listed[position]))]


def _picture(inputs: ReportInputs, entry: Mapping[str, Any]) -> tuple[str, str] | None:
    """Data URI and caption of an overlay, as JPEG (a fifth of the PNG); None where there is no readable file."""
    path = inputs.folder / OVERLAYS / str(entry["file"])
    if path.parent != inputs.folder / OVERLAYS or not path.is_file():
        return None
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        return None
    _, encoded = cv2.imencode(".jpg", pixels, _JPEG)
    kind = KINDS.get(str(entry["kind"]), plain(str(entry["kind"])))
    likely, image = figure(entry.get("probability")), str(entry["image_id"])[:8]
    caption = f"{plain(str(entry['label']))}, {kind}, p {likely}, image {image}"
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}", caption
