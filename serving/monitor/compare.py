"""All comparisons of a window with the reference, by the section `monitor`: the input, the predictions and the rest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cxr.model.card import ModelCard
from cxr.model.reference import Reference
from cxr.params.production import Monitor
from serving.monitor import accuracy, distances, latency
from serving.monitor.clusters import design_effect
from serving.monitor.embedding import Embedding, Gap
from serving.monitor.novelty import Novelty
from serving.monitor.rule import DriftComparison
from serving.monitor.window import StudyArrays, of_reference

STRANGE = "strange studies"
_TOGETHER = 10.0  # weight of a comparison of all columns at once


@dataclass(frozen=True)
class Prepared:
    """A model's reference with what is computed once: design effects by name, embeddings of features and logits, and
    how much the AUROCs vary."""

    studies: StudyArrays
    patient: np.ndarray
    labels: tuple[str, ...]
    task: str
    thresholds: np.ndarray
    designs: dict[str, float]
    features: Embedding
    predictions: Embedding
    novelty: Novelty
    sampled: accuracy.Sampled


@dataclass
class WindowComparisons:
    """Comparisons, how far each study lies toward the drift by the comparison's name (for the pictures), and what
    could not be compared, in words."""

    comparisons: list[DriftComparison] = field(default_factory=list)
    toward: dict[str, np.ndarray] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def prepare(reference: Reference, card: ModelCard) -> Prepared:
    """Compute what every window of this model is compared with."""
    studies, labels = of_reference(reference, card.calibration), tuple(card.labels)
    thresholds = np.array(card.thresholds(labels))
    columns = {name: studies.statistics[:, i] for i, name in enumerate(studies.names)}
    columns |= {f"probability {label}": studies.probabilities[:, i] for i, label in enumerate(labels)}
    columns |= {f"rate {label}": studies.probabilities[:, i] >= thresholds[i] for i, label in enumerate(labels)}
    columns |= {
        name: np.unique(words, return_inverse=True)[1] == np.bincount(np.unique(words, return_inverse=True)[1]).argmax()
        for name, words in (("view", studies.view), ("size", studies.size))
    }
    novelty = Novelty(studies.statistics, studies.features, reference.patient)
    columns[STRANGE] = novelty.reference > novelty.threshold
    designs = {
        name: design_effect(np.asarray(values, np.float64), reference.patient) for name, values in columns.items()
    }
    features, predictions = (Embedding(columns, reference.patient) for columns in (studies.features, studies.logits))
    return Prepared(
        studies,
        reference.patient,
        labels,
        card.task,
        thresholds,
        designs,
        features,
        predictions,
        novelty,
        accuracy.sample(studies, reference.patient, card.task),
    )


def compare(
    prepared: Prepared,
    window: StudyArrays,
    before: Mapping[str, float] | None,
    section: Monitor,
    labelled: StudyArrays | None = None,
) -> WindowComparisons:
    """All comparisons of one window; `before` is the latency at promotion ({"p50_ms", "p95_ms"}) or None.

    `labelled`: the studies on which accuracy is judged, where these are others than the window's.
    """
    found = WindowComparisons()
    found.comparisons += _statistics(prepared, window, section)
    _categories(found, prepared, window, section)
    for name, kind, embedding, columns in (
        ("features", "input", prepared.features, window.features),
        ("predictions", "prediction", prepared.predictions, window.logits),
    ):
        if not embedding:
            found.left_out.append(f"{name}: they do not vary in the reference")
            continue
        gap: Gap = embedding.gap(columns)
        found.toward[f"{name} together"] = gap.toward
        found.comparisons.append(
            DriftComparison(
                f"{name} together", kind, "shift", gap.effect, section.floors.shift, gap.p, weight=_TOGETHER
            )
        )
    _strange(found, prepared, window, section)
    found.comparisons += _predictions(prepared, window, section)
    _accuracy(found, prepared, window if labelled is None else labelled, section)
    _latency(found, window, before, section)
    return found


def _strange(found: WindowComparisons, prepared: Prepared, window: StudyArrays, section: Monitor) -> None:
    """The share of studies unlike the reference's."""
    old, distances_now = prepared.novelty.reference, prepared.novelty(window.statistics, window.features)
    found.toward[STRANGE] = distances_now
    beyond = old > prepared.novelty.threshold, distances_now > prepared.novelty.threshold
    effect, p = distances.rates(*beyond, prepared.designs[STRANGE])
    found.comparisons.append(
        DriftComparison(
            STRANGE,
            "input",
            "difference",
            effect,
            section.floors.rate,
            p,
            float(beyond[0].mean()),
            float(beyond[1].mean()),
            _TOGETHER,
        )
    )


def _statistics(prepared: Prepared, window: StudyArrays, section: Monitor) -> Iterator[DriftComparison]:
    old = prepared.studies
    for name in old.names:
        a, b = old.statistics[:, old.names.index(name)], window.statistics[:, window.names.index(name)]
        yield _continuous(name, "input", a, b, prepared.designs[name], section)


def _categories(found: WindowComparisons, prepared: Prepared, window: StudyArrays, section: Monitor) -> None:
    """View and size; a study whose view nobody told says nothing about the views."""
    for name, a, b in (("view", prepared.studies.view, window.view), ("size", prepared.studies.size, window.size)):
        a, b = a[a != ""], b[b != ""]
        if min(len(a), len(b)) < section.least_studies:
            found.left_out.append(f"{name}: known of {len(a)} studies in the reference, {len(b)} in the window")
            continue
        effect, p = distances.categories(a, b, prepared.designs[name])
        found.comparisons.append(
            DriftComparison(name, "input", "Cramer's V", effect, section.floors.categories, p, _mode(a), _mode(b))
        )


def _predictions(prepared: Prepared, window: StudyArrays, section: Monitor) -> Iterator[DriftComparison]:
    for i, label in enumerate(prepared.labels):
        a, b = prepared.studies.probabilities[:, i], window.probabilities[:, i]
        yield _continuous(f"probability {label}", "prediction", a, b, prepared.designs[f"probability {label}"], section)
        above = a >= prepared.thresholds[i], b >= prepared.thresholds[i]
        effect, p = distances.rates(*above, prepared.designs[f"rate {label}"])
        yield DriftComparison(
            f"rate above threshold {label}",
            "prediction",
            "difference",
            effect,
            section.floors.rate,
            p,
            float(above[0].mean()),
            float(above[1].mean()),
        )


def _continuous(name: str, kind: str, a: np.ndarray, b: np.ndarray, design: float, section: Monitor) -> DriftComparison:
    distance, p = distances.kolmogorov_smirnov(a, b, design)
    return DriftComparison(
        name, kind, "KS distance", distance, section.floors.distance, p, float(np.median(a)), float(np.median(b))
    )


def _accuracy(found: WindowComparisons, prepared: Prepared, studies: StudyArrays, section: Monitor) -> None:
    judged = list(
        accuracy.compare(
            prepared.sampled,
            studies,
            prepared.labels,
            prepared.task,
            floor=section.floors.auroc,
            least=section.least_cases,
        )
    )
    found.comparisons += judged
    if not judged:
        labelled = int(np.isfinite(studies.targets).any(axis=1).sum())
        found.left_out.append(
            f"accuracy: no label has {section.least_cases} positives and negatives in the feedback "
            f"({labelled} of {len(studies)} studies have labels) and in the reference"
        )


def _latency(
    found: WindowComparisons, window: StudyArrays, before: Mapping[str, float] | None, section: Monitor
) -> None:
    if before is None:
        found.left_out.append("latency: none was taken when the model came into production")
        return
    if not np.isfinite(window.latency_ms).any():
        found.left_out.append("latency: no study was timed as the reference was (over HTTP: see /metrics)")
    found.comparisons += latency.compare(window.latency_ms, before, section.latency_factor)


def estimates(prepared: Prepared, window: StudyArrays) -> list[dict[str, Any]]:
    """For each label the AUROC that the calibrated probabilities promise, on the reference and in the window."""
    rows: Sequence[StudyArrays] = (prepared.studies, window)
    return [
        {
            "label": label,
            **{
                side: accuracy.estimated_auroc(s.probabilities[:, i], s.probabilities[:, i])
                for side, s in zip(("reference", "window"), rows, strict=True)
            },
        }
        for i, label in enumerate(prepared.labels)
    ]


def _mode(words: np.ndarray) -> str:
    """The most frequent word and its share."""
    values, counts = np.unique(words, return_counts=True)
    return f"{values[counts.argmax()]} {counts.max() / counts.sum():.0%}"
