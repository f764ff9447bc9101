"""Reads both models and the studies, asks the six questions, writes gate.json and gate.md."""

from pathlib import Path
from typing import Any

import numpy as np

from cxr.core.environment import workers
from cxr.core.files import write_text
from cxr.data.preprocessing_spec import Chain
from cxr.metrics import latency
from cxr.metrics.comparisons import Hits, PairedComparison, Side, calibration_of, compare, macro_auroc
from cxr.model import model_folder
from cxr.model.litert import Net
from cxr.params import Params
from cxr.params.production import Gate
from cxr.runtime.hand_over.gate_verdict import KEEP, PROMOTE, GateVerdict
from serving.gate import checks, markdown, pointing
from serving.gate.inputs import GateInputs, answers, batches, read
from serving.registry import releases


def main(params: Params, release: releases.Release, out: Path, version: str) -> GateVerdict:
    """The verdict on what the pipeline made in this folder; also written to `out`."""
    rule, project = params.retrain.gate, Path()
    inputs = read(release, project, params.ingest.max_pixels)
    folders = {"champion": release.folder, "challenger": inputs.output.model}
    nets = {name: Net(folder, workers()) for name, folder in folders.items()}
    chains = {name: net.card.preprocessing for name, net in nets.items()}
    sides = {name: answers(net, chains[name], inputs, project) for name, net in nets.items()}
    compared = {name: _compared(inputs, sides, rows, rule) for name, rows in inputs.parts.items()}
    speed = _speed(folders, chains, inputs, project, rule)  # before TensorFlow has threads of its own
    hits = pointing.play(folders, chains, inputs, project, params)
    asked = judge(compared, _calibration(inputs, sides, rule), speed, hits, rule)
    verdict = GateVerdict.model_validate(
        {
            "verdict": PROMOTE if all(check.passed is not False for check in asked) else KEEP,
            "reasons": [check.words for check in asked if check.passed is False],
            "champion": {"identity": release.identity, "version": release.version, "batches": list(release.batches)},
            "challenger": {
                "identity": model_folder.identity(inputs.output.model),
                "version": version,
                "variant": inputs.output.variant,
                "batches": list(inputs.output.batches),
            },
            "checks": [check.as_json() for check in asked],
            "gate": {name: comparison.as_json() for name, comparison in compared.items()},
            "test": _reported(inputs, sides, rule),
            "test_explanation": {
                "champion": release.explanation or "n/a",
                "challenger": inputs.output.explanation or "n/a",
            },
            "rule": rule.model_dump(),
        }
    )
    verdict.write(out / "gate.json")
    write_text(out / "gate.md", markdown.page(verdict))
    return verdict


def judge(
    compared: dict[str, PairedComparison],
    calibration: dict[str, dict[str, dict[str, float]]],
    speed: dict[str, float],
    hits: Hits | None,
    rule: Gate,
) -> list[checks.Check]:
    """The six checks; `calibration` by part and side."""
    return [
        checks.not_worse_on_old(compared["old"], rule),
        checks.better_on_new(compared["new"], compared["old"], rule),
        checks.worst_label(compared, rule),
        checks.calibrated(calibration, rule),
        checks.fast(speed, rule),
        checks.explained(hits, rule),
    ]


def _calibration(inputs: GateInputs, sides: dict[str, Side], rule: Gate) -> dict[str, dict[str, dict[str, float]]]:
    """Figures of both sides on old and on new studies, each where at least one label has enough cases."""
    parts = {name: (rows, inputs.studies.part(rows)) for name, rows in inputs.parts.items()}
    return {
        part: {name: calibration_of(studies, side.part(rows)) for name, side in sides.items()}
        for part, (rows, studies) in parts.items()
        if len(studies) and studies.judged(rule.min_cases).any()
    }


def _compared(inputs: GateInputs, sides: dict[str, Side], rows: np.ndarray, rule: Gate) -> PairedComparison:
    return compare(
        inputs.studies.part(rows),
        sides["champion"].part(rows),
        sides["challenger"].part(rows),
        rule.min_cases,
        rule.bootstrap,
        rule.seed,
        rule.confidence,
    )


def _speed(
    folders: dict[str, Path], chains: dict[str, Chain], inputs: GateInputs, project: Path, rule: Gate
) -> dict[str, float]:
    """Challenger's time over champion's, image by image, one at a time and interleaved."""
    nets = {name: Net(folder, 1, block=1) for name, folder in folders.items()}
    images = {name: next(iter(batches(chain, inputs.rows, project))) for name, chain in chains.items()}
    turns = np.resize(np.arange(len(images["champion"])), rule.latency_images)
    taken = latency.timed_each(nets, {name: stack[turns] for name, stack in images.items()})
    return latency.median_interval(taken["challenger"] / taken["champion"])


def _reported(inputs: GateInputs, sides: dict[str, Side], rule: Gate) -> dict[str, Any]:
    """Macro AUROC on the test studies, old and new: shown, never asked."""
    found: dict[str, Any] = {}
    for part, rows in (("old", inputs.test & ~inputs.new), ("new", inputs.test & inputs.new)):
        studies = inputs.studies.part(rows)
        values = {
            f"{name}_auroc": macro_auroc(studies, side.part(rows), rule.min_cases) for name, side in sides.items()
        }
        found[part] = {"studies": len(studies), **values}
    return found
