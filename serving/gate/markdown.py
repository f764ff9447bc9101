"""The verdict as a page of markdown: for people, and for the artifact that the server shows."""

from typing import Literal

from cxr.core.document import Figure
from cxr.runtime.hand_over.gate_verdict import GateVerdict

_HEADS = {"promote": "the challenger goes into production", "keep": "the champion stays"}


def page(verdict: GateVerdict) -> str:
    """The page: the verdict, the reasons against the challenger, every question, AUROC on gate and test studies."""
    champion, challenger = verdict.champion, verdict.challenger
    lines = [
        f"# Gate: {_HEADS[verdict.verdict]}",
        "",
        f"Champion {champion.version} (`{champion.identity[:16]}`), challenger "
        f"{challenger.version or 'not registered'} ({challenger.variant}, `{challenger.identity[:16]}`).",
        "",
    ]
    if verdict.reasons:
        lines += ["Why not:", "", *(f"- {reason}" for reason in verdict.reasons), ""]
    lines += [
        "| question | answer | measured |",
        "|---|---|---|",
        *(f"| {check.name} | {_answer(check.passed)} | {check.words} |" for check in verdict.checks),
    ]
    lines += [
        "",
        "Macro AUROC (labels with enough cases; test is only reported):",
        "",
        "| studies | number | champion | challenger |",
        "|---|---:|---:|---:|",
    ]
    for name, part in (("gate", verdict.gate), ("test", verdict.test)):
        lines += [
            f"| {name}, {which} | {found.studies} | {_number(found.champion_auroc)} | "
            f"{_number(found.challenger_auroc)} |"
            for which, found in part.items()
        ]
    hit = {
        side: found["hit_share"]["value"] for side, found in verdict.test_explanation.items() if isinstance(found, dict)
    }
    if hit:
        lines += [
            "",
            "Pointed into the boxes of test images (only reported): "
            + ", ".join(f"{side} {_number(share)}" for side, share in hit.items())
            + ".",
        ]
    new = sorted(set(challenger.batches) - set(champion.batches))
    return "\n".join([*lines, "", f"New batches: {', '.join(new) or 'none'}.", ""])


def _answer(passed: bool | Literal["n/a"]) -> str:
    return "not asked" if passed == "n/a" else "yes" if passed else "**no**"


def _number(value: Figure) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
