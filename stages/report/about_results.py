"""Sections on what was measured on the test split: per label, curves, calibration, confusion."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from markupsafe import Markup

from cxr.params import Params
from stages.report.inputs import METRICS, PREDICTIONS, ReportInputs, Rows
from stages.report.numbers import count, figure, interval, plain, signed
from stages.report.page import Cell, Chapter, Charts, Paragraph, Part, Table, stacked, track
from stages.report.svg import Series, legend, unit_square

KINDS = ("base", "chosen")  # classes in the style sheet, in the order of `shown`
BINS = 10
BIN_IMAGES = 5  # below it, a bin's share of positives is noise


def labels_of(inputs: ReportInputs) -> list[str]:
    """The labels, in the model's order where its card is there."""
    entry: Mapping[str, Any] = inputs["evaluate"].get("base") or next(iter(inputs["evaluate"].values()), {})
    found = [name for name in entry.get("auroc", {}) if name not in ("macro", "worst")]
    return [name for name in (inputs.card.labels if inputs.card else []) if name in found] or found


def shown(inputs: ReportInputs) -> list[str]:
    """The variants that are drawn: base and the chosen one."""
    return [name for name in dict.fromkeys(("base", inputs.chosen)) if name in inputs["evaluate"]]


def results(inputs: ReportInputs, params: Params) -> Chapter:
    """Figures for each label and the curves."""
    title = "Results on the test split"
    if not inputs["evaluate"]:
        return Chapter("results", title, missing=[f"{METRICS['evaluate']}: made by `dvc repro evaluate`"])
    parts: list[Part] = [Paragraph(_about(inputs, params)), _auroc_table(inputs, shown(inputs))]
    parts += [_threshold_table(inputs, inputs.chosen)]
    parts += [
        part
        for part in (
            _square(inputs, "roc", "ROC: false positive rate across, true positive rate up", True),
            _square(inputs, "pr", "Precision (up) against recall (across)", False),
        )
        if part
    ]
    parts += [*_confusion(inputs), *_calibration(inputs)]
    others = [name for name in inputs.variants if name in inputs["evaluate"] and name not in shown(inputs)]
    parts += [_auroc_table(inputs, [name], folded=True) for name in others]
    return Chapter("results", title, parts)


def _about(inputs: ReportInputs, params: Params) -> str:
    """A paragraph on what was tested, how the intervals were made, and how to read them."""
    entry = inputs["evaluate"][shown(inputs)[0]] if shown(inputs) else {}
    drawn = " and ".join(shown(inputs))
    how = (
        f"Intervals are 95 %, from {params.evaluate.bootstrap} resamples of patients."
        if params.evaluate.bootstrap
        else "Intervals were switched off (evaluate.bootstrap: 0)."
    )
    accuracy = f" Accuracy of {shown(inputs)[0]}: {figure(entry['accuracy'])}." if "accuracy" in entry else ""
    return (
        f"{count(entry.get('images'))} images of {count(entry.get('patients'))} patients, {drawn}. {how} "
        "Thresholds and calibration were chosen on validation. Labels with few positives have wide intervals: read "
        f"them first.{accuracy}"
    )


def _auroc_table(inputs: ReportInputs, names: Sequence[str], folded: bool = False) -> Table:
    """A row for each label, AUROC and AUPRC of each variant with its interval."""
    evaluated, labels = inputs["evaluate"], labels_of(inputs)
    head = ["macro", *labels] if len(labels) > 1 else labels
    rows = [
        [
            plain(name),
            *_positives(evaluated[names[0]], name),
            *_marks(evaluated, names, name),
            *(cell for variant in names for cell in _measures(evaluated[variant], name)),
        ]
        for name in head
    ]
    titles = [
        "Label",
        "#Positives",
        "AUROC, 0.4 to 1",
        *(f"#{measure} {variant}" for variant in names for measure in ("AUROC", "AUPRC")),
    ]
    if len(names) > 1:
        titles.append("#Difference")
        for row, name in zip(rows, head, strict=True):
            row.append(_difference(evaluated[names[1]], name))
    return Table(titles, rows, f"By label: {' and '.join(names)}", folded)


def _positives(entry: Mapping[str, Any], name: str) -> list[Cell]:
    """The number of positives of a label; an empty cell for the macro row."""
    return [count(entry.get("counts", {}).get(name, {}).get("positives")) if name != "macro" else ""]


def _marks(evaluated: Mapping[str, Any], names: Sequence[str], name: str) -> list[Cell]:
    """One cell with each variant's AUROC drawn on a scale, intervals as bars."""
    entries = [(evaluated[variant], kind) for variant, kind in zip(names, KINDS, strict=False)]
    return [
        Markup("").join(
            track(entry["auroc"].get(name), entry.get("auroc_interval", {}).get(name), kind) for entry, kind in entries
        )
    ]


def _measures(entry: Mapping[str, Any], name: str) -> list[Cell]:
    """AUROC and AUPRC of a label, each with its interval below."""
    return [
        stacked(figure(entry.get(measure, {}).get(name)), interval(entry.get(f"{measure}_interval", {}).get(name)))
        for measure in ("auroc", "auprc")
    ]


def _difference(entry: Mapping[str, Any], name: str) -> Cell:
    """The variant's AUROC minus base's, with its interval below."""
    change = entry.get("auroc_difference", {}).get(name, {})
    return stacked(signed(change.get("difference")), interval(change))


def _threshold_table(inputs: ReportInputs, variant: str) -> Table:
    """What the served variant's operating points from validation do on test."""
    entry = inputs["evaluate"].get(variant, {})
    points = entry.get("at_threshold", {})
    keys = ("sensitivity", "specificity", "precision", "f1")
    rows = [
        [
            plain(label),
            figure(points[label]["threshold"]),
            *(figure(points[label][key]) for key in keys),
            *(count(points[label][key]) for key in ("tp", "fp", "fn", "tn")),
        ]
        for label in labels_of(inputs)
        if label in points
    ]
    titles = ["Label", "#Threshold", "#Sensitivity", "#Specificity", "#Precision", "#F1", "#TP", "#FP", "#FN", "#TN"]
    return Table(titles, rows, f"Operating points from validation, on test: {variant}")


def _square(inputs: ReportInputs, name: str, caption: str, diagonal: bool) -> Charts | None:
    """A small chart for each label, base and chosen in it."""
    points = _points(inputs.tables.get(name, []))
    measure = {"roc": "auroc", "pr": "auprc"}[name]
    drawn = list(zip(shown(inputs), KINDS, strict=False))
    charts = []
    for label in labels_of(inputs):
        series = [
            Series(variant, points[variant, label], kind) for variant, kind in drawn if (variant, label) in points
        ]
        if series:
            values = [figure(inputs["evaluate"][s.name].get(measure, {}).get(label)) for s in series]
            charts.append(unit_square(series, plain(label), " / ".join(values), diagonal=diagonal))
    return Charts(caption, charts, legend([Series(variant, [], kind) for variant, kind in drawn])) if charts else None


def _points(rows: Rows) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """(variant, label) to the points (x, y) of its curve, from the rows of a plot's table."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        found.setdefault((row["variant"], row["label"]), []).append((float(row["x"]), float(row["y"])))
    return found


def _confusion(inputs: ReportInputs) -> list[Part]:
    """The classes' confusion matrix where the task is multiclass; other tasks have theirs in the threshold table."""
    listed = inputs.tables.get("confusion", []) if inputs.card and inputs.card.task == "multiclass" else []
    rows = [row for row in listed if row["label"] == "all" and row["variant"] == inputs.chosen]
    labels = list(dict.fromkeys(row["actual"] for row in rows))
    counts = {(row["actual"], row["predicted"]): int(row["count"]) for row in rows}
    if not rows:
        return []
    cells: list[list[Cell]] = [[plain(a), *(_shaded(counts, labels, a, p) for p in labels)] for a in labels]
    return [
        Table(
            ["Actual \\ predicted", *(f"#{plain(label)}" for label in labels)],
            cells,
            f"Confusion matrix: {inputs.chosen}",
        )
    ]


def _shaded(counts: Mapping[tuple[str, str], int], labels: Sequence[str], actual: str, predicted: str) -> Cell:
    """A count of the confusion matrix, shaded by its share of the row."""
    share = counts[actual, predicted] / max(1, sum(counts[actual, p] for p in labels))
    return Markup(f'<span class="shade" style="--share:{100 * share:.0f}%">{counts[actual, predicted]:,}</span>')  # noqa: S704


def _calibration(inputs: ReportInputs) -> list[Part]:
    """Reliability of the served variant's probabilities: the share of positives in each of ten bins, by label."""
    entry = inputs["evaluate"].get(inputs.chosen, {}).get("calibration", {})
    if not entry:
        return []
    ece, brier = entry["ece"], entry["brier"]
    text = (
        f"Calibration of {inputs.chosen}: probability across, share of positives up, ten bins of equal width, of "
        f"them those with at least {BIN_IMAGES} images. Mean expected calibration error {figure(ece['mean'])}, "
        f"mean Brier score {figure(brier['mean'])}."
    )
    charts = [
        unit_square(
            [Series(inputs.chosen, points, "chosen", dots=True)],
            plain(label),
            f"ECE {figure(ece.get(label))}",
            diagonal=True,
        )
        for label, points in reliability(inputs, labels_of(inputs)).items()
    ]
    return [Charts(text, charts)] if charts else [Paragraph(text)]


def reliability(inputs: ReportInputs, labels: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
    """Label to (mean probability, share of positives) of each bin with 5 images or more; empty without predictions."""
    path = inputs.folder / PREDICTIONS
    if not path.exists():
        return {}
    columns = ["variant", *(f"{kind}_{label}" for label in labels for kind in ("probability", "target"))]
    table = pq.read_table(path, columns=columns, filters=[("variant", "=", inputs.chosen)])
    return {
        label: _bins(*(table[f"{kind}_{label}"].to_numpy() for kind in ("probability", "target"))) for label in labels
    }


def _bins(probability: np.ndarray, target: np.ndarray) -> list[tuple[float, float]]:
    """(mean probability, share of positives) of each bin of equal width with enough images; inputs (n,)."""
    bin_of = np.minimum((probability * BINS).astype(int), BINS - 1)
    held = np.bincount(bin_of, minlength=BINS)
    used = held >= BIN_IMAGES
    means = [np.bincount(bin_of, values, BINS)[used] / held[used] for values in (probability, target)]
    return [(float(x), float(y)) for x, y in zip(*means, strict=True)]
