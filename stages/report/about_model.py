"""Sections on the model and how it learned, and on what came from what."""

import json
from collections.abc import Sequence
from typing import Any

from cxr.model.card import ModelCard, SplitRecord
from cxr.params import Params
from stages.report.inputs import CARD, METRICS, ReportInputs
from stages.report.numbers import count, figure, large, plain
from stages.report.page import Chapter, Charts, Paragraph, Part, Table
from stages.report.svg import Series, line_chart

# Training curves that share a chart: title, and curve name to what the legend says and its class.
_CHARTS = (
    ("Loss", {"loss": ("train", "base"), "train_loss": ("train", "base"), "val_loss": ("validation", "chosen")}),
    ("Macro AUROC on validation", {"val_auroc": ("validation", "chosen")}),
    ("Learning rate", {"learning_rate": ("learning rate", "base"), "lr": ("learning rate", "base")}),
)


def model(inputs: ReportInputs, params: Params) -> Chapter:
    """The net, its input, how long it learned, the curves."""
    card, train = inputs.card, inputs["train"]
    missing = [
        f"{path}: made by `dvc repro train`"
        for path, content in ((CARD, card), (METRICS["train"], train))
        if not content
    ]
    facts = [*(_card_facts(card, inputs["spec"]) if card else ()), *_train_facts(train)]
    parts: list[Part] = [Table(["", ""], facts)] if facts else []
    if charts := _curves(inputs.curves, train.get("best_epoch")):
        parts.append(Charts("Learning curves; the dashed line is the epoch that was kept", charts))
    texts = [card.intended_use, card.limits] if card else []
    return Chapter("model", "Model", parts + [Paragraph(text) for text in texts], missing)


def _card_facts(card: ModelCard, spec: dict[str, Any]) -> list[list[str]]:
    """Rows on the net, its input, preprocessing and calibration, from the model's card and spec."""
    shape, chain = card.input, sorted(card.preprocessing.to_dict().items())
    channels = "grey" if shape.channels == 1 else f"{shape.channels} channels"
    return [
        ["Net", str(spec.get("net") or spec.get("name") or card.name)],
        ["Input", f"{shape.height} x {shape.width} pixels, {channels}, levels 0 to 255"],
        ["Preprocessing", ", ".join(f"{plain(name)} {value}" for name, value in chain)],
        ["Calibration", card.calibration.method],
    ]


def _train_facts(train: dict[str, Any]) -> list[list[str]]:
    """Rows on weights, images, epochs and the best epoch's figures, from metrics/train.json."""
    if not train:
        return []
    best = train.get("best", {})
    figures = ", ".join(f"{plain(name)} {figure(value, 4)}" for name, value in sorted(best.items()) if name != "score")
    return [
        ["Weights", large(train.get("weights"))],
        ["Train images", count(train.get("images"))],
        ["Epochs", f"{count(train.get('epochs_run'))} run, number {count(train.get('best_epoch'))} kept"],
        ["At the epoch kept", figures],
        ["Made again, the same bytes on", str(train.get("same_bytes_on", "n/a"))],
    ]


def _curves(curves: Any, best: int | None) -> list[Any]:
    """The learning curves there are, as line charts with a mark at the best epoch."""
    charts = []
    for title, names in _CHARTS:
        series = [
            Series(word, list(enumerate(curves[name], 1)), kind)
            for name, (word, kind) in names.items()
            if curves.get(name)
        ]
        if series:
            charts.append(line_chart(series, title, best))
    return charts


def origins(inputs: ReportInputs, params: Params) -> Chapter:
    """Hashes: data, split, code, every model; and the command that makes it all again."""
    card, evaluated = inputs.card, inputs["evaluate"]
    rows = _card_hashes(card) if card else []
    rows += [
        [f"Model {name}", str(evaluated[name]["model"])]
        for name in inputs.variants
        if "model" in evaluated.get(name, {})
    ]
    same = Paragraph(
        "Data, parameters and code decide every byte of every output but measured speed and this page. "
        "The same commit gives the same hashes: dvc repro makes it again, dvc status says what is stale."
    )
    missing = [] if rows else [f"{CARD}: made by `dvc repro train`"]
    hashes = [Table(["What", "SHA-256"], rows)] if rows else []
    return Chapter("origins", "Reproducibility", [same, *hashes], missing)


def _card_hashes(card: ModelCard) -> list[list[str]]:
    """Rows on the data and the code that the model was made from."""
    return [["Data", card.data_hash], ["Split", _split(card.split)], ["Code that trained", card.code_version]]


def _split(split: SplitRecord) -> str:
    """Hash and rule, the rule as JSON on one line."""
    return f"hash {split.hash}, rule {json.dumps(split.rule, sort_keys=True)}"


def sections_missing(sections: Sequence[Chapter]) -> list[str]:
    """Everything that the report lacks, once each."""
    return list(dict.fromkeys(line for section in sections for line in section.missing))
