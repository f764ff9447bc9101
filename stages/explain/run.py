"""The stage: choose what to explain, explain it, play the pointing game, draw the overlays, write it all down."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cxr.core.files import atomic_folder, number, write_bytes, write_json
from cxr.explanation import boxed_images, pointing_game
from cxr.explanation.attribution import METHOD, Attribution, Explainer, completeness_error
from cxr.model import model_folder
from cxr.nets import factory, tf_session
from cxr.params import Params
from cxr.params.schema import Explain
from cxr.runtime import progress
from stages.explain import overlay, sanity, selection
from stages.explain.inputs import ExplainInputs, file_names, read
from stages.explain.selection import FALSE_POSITIVE, TRUE_POSITIVE, OverlayCase

METRICS, OVERLAYS = Path("metrics/explain.json"), Path("reports/overlays")
SANITY_PAIRS = 5
Pair = tuple[str, str]  # image_id, label


def main(params: Params) -> dict[str, int]:
    """Run the stage in the current folder; counts of work done. UserError or HashMismatch name a faulty input."""
    tf_session.start(params.machine, params.explain.seed)
    inputs = read()
    cases = selection.positives(
        inputs.predictions, inputs.labels, inputs.card.operating_points, params.explain.images_per_label
    )
    trials = boxed_images.boxed(inputs.test_boxes, inputs.labels, params.explain.boxed_images, params.explain.seed)
    pairs = in_order([*trials, *((case.image_id, case.label) for case in cases)], inputs.labels)
    attributions = explain(inputs, pairs, params.explain)
    smoothed = {pair: pointing_game.smooth(attribution.values) for pair, attribution in attributions.items()}
    write_overlays(inputs, cases, smoothed)
    write_json(
        METRICS,
        {
            "model": {"variant": inputs.variant, "identity": model_folder.identity(inputs.folder)},
            "method": {"name": METHOD, "background": params.explain.background, "explained": len(pairs)},
            "completeness_error": number(completeness_error(list(attributions.values())), 9),
            "pointing_game": pointing_game.result(play(inputs, trials, smoothed), inputs.labels),
            "sanity": check_sanity(inputs, smoothed, params.explain),
            "overlays": {kind: sum(case.kind == kind for case in cases) for kind in (TRUE_POSITIVE, FALSE_POSITIVE)},
        },
    )
    return {"explained": len(pairs), "overlays": len(cases), "pointing_images": len(trials)}


def in_order(pairs: Iterable[Pair], labels: Sequence[str]) -> list[Pair]:
    """Each pair once, by label (in the labels' order) and image_id, so that a label's images follow one another."""
    position = {label: index for index, label in enumerate(labels)}
    return sorted(set(pairs), key=lambda pair: (position[pair[1]], pair[0]))


def background(inputs: ExplainInputs, section: Explain) -> list[str]:
    """Ids of the train images that SHAP compares with, chosen by hash."""
    train = list(inputs.manifest.rows("train").table["image_id"])
    return boxed_images.hash_order(train, section.seed)[: section.background]


def explain(
    inputs: ExplainInputs, pairs: Sequence[Pair], section: Explain, scrambled: bool = False
) -> dict[Pair, Attribution]:
    """Attributions of each pair by the float net of the chosen variant, or by that net with its top scrambled."""
    if not pairs:
        return {}
    net = factory.load(inputs.folder)
    if scrambled:
        sanity.scramble_top(net, section.seed)
    explainer = Explainer(net, inputs.shards.images(background(inputs, section)))
    position = {label: index for index, label in enumerate(inputs.labels)}
    what, found = "explain (scrambled)" if scrambled else "explain", {}
    for image_id, label in progress.bar(pairs, what=what, unit="image", total=len(pairs)):
        found[image_id, label] = explainer.explain(inputs.shards.image(image_id), position[label])
    return found


def play(inputs: ExplainInputs, pairs: Sequence[Pair], smoothed: Mapping[Pair, Any]) -> list[pointing_game.Trial]:
    """The pointing game over boxed test images; the class prior learns from other splits where those have boxes."""
    test, shape = inputs.test_boxes, inputs.shards.image_shape[:2]
    elsewhere = {image_id: boxes for image_id, boxes in inputs.boxes.items() if image_id not in test}
    patient = dict(zip(inputs.manifest.table["image_id"], inputs.manifest.table["patient"], strict=True))
    prior = pointing_game.ClassPrior([(patient[i], boxes) for i, boxes in (elsewhere or test).items()], shape)
    return [
        pointing_game.trial(smoothed[image_id, label], test[image_id], label, prior.peak(label, patient[image_id]))
        for image_id, label in pairs
    ]


def check_sanity(inputs: ExplainInputs, smoothed: Mapping[Pair, Any], section: Explain) -> dict[str, Any]:
    """How alike the maps of a few pairs stay when the top of the net is scrambled; the lower, the better."""
    pairs = list(smoothed)[:: max(1, len(smoothed) // SANITY_PAIRS)][:SANITY_PAIRS]
    scrambled = explain(inputs, pairs, section, scrambled=True)
    maps = [pointing_game.smooth(attribution.values) for attribution in scrambled.values()]
    alike = sanity.correlation([smoothed[pair] for pair in pairs], maps)
    return {"randomised_correlation": number(alike), "images": len(pairs)}


def write_overlays(inputs: ExplainInputs, cases: Sequence[OverlayCase], smoothed: Mapping[Pair, Any]) -> None:
    """`reports/overlays/`: a PNG for each case, and `overlays.json`, which lists them in the labels' order."""
    names, listed = file_names(inputs.labels), []
    with atomic_folder(OVERLAYS) as folder:
        for case in cases:
            boxes = inputs.boxes.get(case.image_id, [])
            name = f"{names[case.label]}_{'tp' if case.kind == TRUE_POSITIVE else 'fp'}_{case.rank}.png"
            image = inputs.shards.image(case.image_id)
            write_bytes(folder / name, overlay.draw(image, smoothed[case.image_id, case.label], boxes, case))
            listed.append(
                {
                    "file": name,
                    "label": case.label,
                    "kind": case.kind,
                    "probability": number(case.probability),
                    "threshold": number(case.threshold),
                    "image_id": case.image_id,
                    "boxes": boxes,
                }
            )
        write_json(folder / "overlays.json", listed)
