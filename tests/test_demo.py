"""The story of `make demo-drift` says what did not come out as it should. The story itself: docs/how-to/retrain.md."""

import copy
from typing import Any

import pytest

from demo import checks, figure, images


def window(verdict: str, version: str, a: float, b: float | None = None) -> dict[str, Any]:
    """Facts of a window."""
    truth: dict[str, Any] = {"A": {"auroc": a}, **({"B": {"auroc": b}} if b else {})}
    return {"verdict": verdict, "reasons": ["noise differs"], "truth": {**truth, "version": version}}


def serves(version: str, **more: Any) -> dict[str, Any]:
    """Facts of a step after which a version serves."""
    return {"version": version, "stage": version, **more}


def reported(champion: float, challenger: float) -> dict[str, Any]:
    """What the gate reports of the first batch's test studies."""
    return {"test": {"old": {"studies": 90, "champion_auroc": champion, "challenger_auroc": challenger}}}


GOOD: dict[str, dict[str, Any]] = {
    "first model": serves("v0.0.1"),
    **{f"window {n}": window("quiet", "v0.0.1", 0.93) for n in (1, 2, 3)},
    "window 4": window("drift", "v0.0.1", 0.93, 0.8),
    "retrained": serves(
        "v0.0.2",
        state="Promoted",
        message="",
        cause={"reasons": ["noise"]},
        runs=1,
        split={"patients": 9, "moved": 0},
        gate=reported(0.80, 0.92),
    ),
    **{f"window {n}": window("quiet", "v0.0.2", 0.93, 0.92) for n in (5, 6)},
    "poisoned": serves("v0.0.2", state="Refused", message="worse", gate={"reasons": ["worse on the old"]}),
    "window 7": window("quiet", "v0.0.2", 0.93, 0.92),
    "rollback": serves("v0.0.1", state="Completed"),
    "window 8": window("drift", "v0.0.1", 0.93, 0.8),
    "alert": {"state": "NothingTrained", "message": "0 wait"},
}


def test_a_story_that_went_well_has_nothing_wrong_and_a_figure(tmp_path):
    assert [words for name in GOOD for words in checks.wrong(name, GOOD)] == []
    figure.draw(GOOD, tmp_path / "story.png")
    assert (tmp_path / "story.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("step", "facts", "words"),
    [
        ("window 2", {"verdict": "drift"}, "verdict: drift instead of quiet; noise differs"),
        ("window 4", window("drift", "v0.0.1", 0.93, 0.9), "has 0.930 on A and 0.900 on B"),
        ("window 5", window("quiet", "v0.0.2", 0.93, 0.81), "on B 0.800 before and 0.810 after"),
        ("retrained", {"state": "Refused", "message": "too few"}, "state: Refused instead of Promoted; too few"),
        ("retrained", {"cause": {"by": "hand"}}, "not started by drift"),
        ("retrained", {"runs": 3}, "3 retrainings instead of one"),
        ("retrained", {"split": {"patients": 9, "moved": 2}}, "2 of 9 patients changed their part"),
        ("retrained", {"stage": "v0.0.1"}, "stage: v0.0.1 instead of v0.0.2"),
        ("retrained", {"gate": reported(0.80, 0.77)}, "on A's test studies 0.8 before and 0.77 after: may lose 0.02"),
        ("retrained", {"gate": reported(0.80, float("nan"))}, "on A's test studies 0.8 before and nan after"),
        ("rollback", {"state": "not on the server"}, "state: not on the server instead of Completed"),
        ("poisoned", serves("v0.0.3"), "version: v0.0.3 instead of v0.0.2"),
        ("poisoned", {"gate": {"reasons": []}}, "refused without a reason"),
        ("rollback", {"version": "v0.0.2"}, "version: v0.0.2 instead of v0.0.1"),
        ("alert", {"state": "Promoted", "message": ""}, "state: Promoted instead of NothingTrained"),
    ],
)
def test_what_went_otherwise_is_said(step, facts, words):
    steps = copy.deepcopy(GOOD)
    steps[step] |= facts
    assert any(words in line for line in checks.wrong(step, steps)), checks.wrong(step, steps)


def test_a_story_of_more_than_twenty_minutes_is_said():
    assert checks.too_slow(1200.0) == "" and "20.5 minutes, and may take 20" in checks.too_slow(1230.0)


def test_no_patient_of_one_part_is_in_another():
    parts = images.parts(1000)
    assert len({part.name for part in parts}) == len(parts) and max(part.studies for part in parts) < images._PATIENTS


def test_shuffling_deals_the_findings_out_to_other_studies_of_the_batch(tmp_path):
    head, rows = "Image Index,Finding Labels,Patient ID", [f"{n}.png,F{n},{n}" for n in range(20)]
    (tmp_path / images.DATA_ENTRY).write_text("\n".join([head, *rows]) + "\n")
    for name in ("BBox_List_2017.csv", "SHA256SUMS"):
        (tmp_path / name).touch()
    images.shuffle_labels(tmp_path)
    found = [line.split(",") for line in (tmp_path / images.DATA_ENTRY).read_text().splitlines()[1:]]
    assert sorted(line[1] for line in found) == sorted(f"F{n}" for n in range(20))
    assert sum(line[1] == f"F{line[2]}" for line in found) < 5 and len(list(tmp_path.iterdir())) == 1
