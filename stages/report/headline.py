"""The headline figures: `python -m stages.report.headline` prints them, the report's first screen shows them.

Reads metrics only and imports nothing heavy: it ends `make repro`.
"""

import sys
from dataclasses import dataclass
from typing import Any

from cxr.core.errors import UserError
from cxr.runtime import stage_main
from stages.report import numbers
from stages.report.inputs import ReportInputs, read_headline

REPORT = "reports/index.html"
MADE_BY = {  # what made the patients, by the manifest's column patient_from
    "column": "by the patient column of the set's table",
    "pattern": "by ingest.patient_pattern",
    "file_name": "one patient per file name: the split leaks where one patient's files have several names",
    "image": "one patient per image: the split leaks where a patient has several images",
}
FEW = 20  # cases: with 20 positives an AUROC of 0.90 has a standard deviation of 0.04, with 5 of 0.07


@dataclass(frozen=True)
class Figure:
    """One headline figure: its name, its value, and what qualifies the value (interval, baselines, a verdict)."""

    name: str
    value: str
    detail: str = ""


def figures(inputs: ReportInputs) -> list[Figure]:
    """The headline figures for which there are metrics."""
    makers = (_aurocs, _worst, _bytes, _speed, _pointing)
    return [figure for make in makers for figure in make(inputs)]


def _aurocs(inputs: ReportInputs) -> list[Figure]:
    """Macro AUROC on test of base and of the chosen variant."""
    found = []
    for name in dict.fromkeys(("base", inputs.chosen)):
        if entry := inputs["evaluate"].get(name):
            among = f"{numbers.count(entry.get('images'))} test images" if "images" in entry else ""
            bounds = numbers.interval(entry.get("auroc_interval", {}).get("macro"))
            measure = "Macro AUROC" if len(entry["auroc"]) > 3 else "AUROC"  # macro, worst and the labels
            title = f"{measure}, {name}" + (" (served)" if name == inputs.chosen else "")
            detail = ", ".join(filter(None, (bounds and f"95 % {bounds}", among)))
            found.append(Figure(title, numbers.figure(entry["auroc"].get("macro")), detail))
    return found


def _worst(inputs: ReportInputs) -> list[Figure]:
    """The label that the served variant separates worst; nothing where there is one label only."""
    entry = inputs["evaluate"].get(inputs.chosen, {})
    labels = {
        name: value
        for name, value in entry.get("auroc", {}).items()
        if name not in ("macro", "worst") and not isinstance(value, str)
    }
    if len(labels) < 2:
        return []
    name = min(labels, key=lambda label: (labels[label], label))
    positives = entry.get("counts", {}).get(name, {}).get("positives")
    bounds = numbers.interval(entry.get("auroc_interval", {}).get(name))
    detail = f"{numbers.plain(name)} {bounds}, {_many(positives or 0, 'positive')}"
    return [Figure("Worst label, served", numbers.figure(labels[name]), detail)]


def _bytes(inputs: ReportInputs) -> list[Figure]:
    """The served variant's size, raw and zipped, beside base's."""
    base, chosen = (inputs["compress"].get(name) for name in ("base", inputs.chosen))
    if not base or not chosen:
        return []
    detail = (
        f"base {numbers.size(base['bytes'])}; zipped {numbers.size(chosen['bytes_gzip'])}, "
        f"base {numbers.size(base['bytes_gzip'])}"
    )
    return [Figure(f"Size, {inputs.chosen}", numbers.size(chosen["bytes"]), detail)]


def _speed(inputs: ReportInputs) -> list[Figure]:
    """Measured speed of the served variant against base, and whether it pays, as `metrics/latency.json` says it."""
    entry = inputs["latency"].get(inputs.chosen)
    if not entry:
        return []
    if inputs.chosen == "base":
        return [Figure("Time an image, base", f"{numbers.figure(entry['ms_per_image'], 2)} ms", _conditions(entry))]
    ratio = entry.get("speed_ratio") or {}
    parts = (
        numbers.interval(ratio, 2),
        f"{numbers.figure(entry['ms_per_image'], 2)} ms an image",
        entry.get("conclusion", ""),
        _conditions(entry),
    )
    value = entry.get("gains") or f"{numbers.figure(ratio.get('median'), 2)}x base"
    return [Figure(f"Speed, {inputs.chosen}", value, ", ".join(filter(None, parts)))]


def _conditions(entry: dict[str, Any]) -> str:
    """Threads and processor of a latency measurement."""
    return f"{entry.get('threads', '?')} thread(s), {entry.get('processor', 'unknown processor')}"


def _pointing(inputs: ReportInputs) -> list[Figure]:
    """The pointing game against its trivial baselines; nothing where the set has no boxes."""
    game = inputs["explain"].get("pointing_game", {})
    if not game.get("images"):
        return []
    others = ", ".join(
        f"{name.replace('_', ' ')} {numbers.figure(game.get(name), 2)}" for name in ("random", "centre", "class_prior")
    )
    return [Figure("Pointing game", numbers.figure(game.get("score"), 2), f"{game['images']} boxed; {others}")]


def warnings(inputs: ReportInputs) -> list[str]:
    """What is to be known before any figure is believed; patients in two splits first, with their count."""
    metrics = inputs["validate"]
    failed = {name: entry for name, entry in metrics.get("expectations", {}).items() if not entry["passed"]}
    texts = []
    if shared := metrics.get("patients_in_two_splits", 0):
        texts.append(
            f"{_many(shared, 'patient')} with images in more than one split "
            f"({numbers.count(failed.pop('patient_in_one_split', {}).get('unexpected'))} images): "
            "test figures may be too good"
        )
    texts += [
        f"validation, {entry['severity']}: {name}: {numbers.count(entry['unexpected'])} unexpected"
        for name, entry in failed.items()
    ]
    return texts + _uncertain(inputs)


def _uncertain(inputs: ReportInputs) -> list[str]:
    """Labels whose AUROC on test is not defined, or rests on few positives or negatives."""
    entry = inputs["evaluate"].get(inputs.chosen, {})
    cases = {numbers.plain(name): min(c["positives"], c["negatives"]) for name, c in entry.get("counts", {}).items()}
    none, few = ([name for name, n in cases.items() if low <= n < high] for low, high in ((0, 1), (1, FEW)))
    texts = [f"without positives or without negatives on test, so without figures: {', '.join(none)}"] if none else []
    return texts + ([f"fewer than {FEW} positives or negatives on test, so uncertain: {', '.join(few)}"] if few else [])


def subject(inputs: ReportInputs) -> str:
    """Task, number of labels, images and patients, as far as they are known."""
    card, counts = inputs.card, inputs["validate"]
    parts = [card.task, _many(len(card.labels), "label")] if card else []
    if "rows" in counts:
        parts.append(f"{_many(counts['rows'], 'image')} of {_many(counts['patients'], 'patient')}")
    return ", ".join(parts) or "nothing was measured yet"


def patients(inputs: ReportInputs) -> str:
    """Which rule made the patients by whom the split is made, and what it may hide; "" where that is not known."""
    made = inputs["validate"].get("patients_from", {})
    if len(made) == 1:
        return "".join(MADE_BY.get(name, name) for name in made)
    return "; ".join(f"{numbers.count(number)} {MADE_BY.get(name, name)}" for name, number in sorted(made.items()))


def _many(number: int, word: str) -> str:
    """A number with its noun, in the plural where it is not 1."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def lines(inputs: ReportInputs) -> list[str]:
    """The headline as aligned lines of text."""
    name = f"{inputs.card.set}: " if inputs.card else ""
    rows = [
        ("Set", name + subject(inputs)),
        *([("Patients", text)] if (text := patients(inputs)) else []),
        *((f.name, f"{f.value}  {f.detail}".rstrip()) for f in figures(inputs)),
        *(("Warning", text) for text in warnings(inputs)),
        ("Report", REPORT),
    ]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def main() -> int:
    """Print the headline; 1 and a line where a metrics file or the card can't be read."""
    try:
        print("\n".join(lines(read_headline())))
    except (UserError, ValueError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    stage_main.takes_no_arguments()
    sys.exit(main())
