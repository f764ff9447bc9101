"""`python -m demo.story`: the whole story, step by step; the same command again goes on where it stopped.

`--stop-after STEP` stops there with server and workers left as they are; `--down` stops these.
"""
import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from demo import images, place, server, truth
from demo.place import IMAGES, PRODUCTION, Book

LABELS = ["Cardiomegaly", "Effusion", "Pneumothorax", "Consolidation", "Emphysema"]
Step = Callable[[Book], dict[str, Any]]


def render(book: Book) -> dict[str, Any]:
    """Phantoms from scanner A, from scanner B, and one batch with its labels shuffled."""
    return {"studies": images.render(place.CODE / "presets" / "demo.yaml", IMAGES)}


def up(book: Book) -> dict[str, Any]:
    """A project of its own, a server and two workers."""
    place.make()
    place.python("flows.up")
    return {"server": server.API.removesuffix("/api")}


def train(book: Book) -> dict[str, Any]:
    """The pipeline on scanner A's studies, over the workers."""
    server.ended(server.start("pipeline/pipeline", revision="main", parameters={}, force=False))
    return {}


def first_model(book: Book) -> dict[str, Any]:
    """The first model into production."""
    server.ended(server.start("promote/promote", version="v0.0.1"))
    return in_production()


def window(name: str) -> Step:
    """Studies arrive, are scored and watched."""
    def step(book: Book) -> dict[str, Any]:
        folders = sorted(IMAGES.glob(f"window-{name}*"))
        for folder in folders:
            arrive(folder.name, "incoming")
        server.ended(server.start("score/score"))
        watched = server.ended(server.start("monitor/monitor"))
        verdict = json.loads(newest_verdict().read_text())
        return {"state": watched["state_name"], "verdict": verdict["verdict"], "reasons": verdict["reasons"][:4],
                "truth": truth.window(PRODUCTION, folders, LABELS)}
    step.__doc__ = f"Window {name}: 200 studies from scanner{'s A and B' if images.WINDOWS[name] == 'AB' else ' A'}."
    return step


def labelled(book: Book) -> dict[str, Any]:
    """Labelled studies of scanner B arrive in the inbox."""
    arrive("scanner-b", "inbox")
    return {}


def retrained(book: Book) -> dict[str, Any]:
    """The drift event has started a retraining by itself: wait for its end."""
    run = server.appears("retrain", book.content["steps"]["window 4"]["at"])
    ended = server.ended(run["id"])
    return {"cause": ended["parameters"]["cause"], "state": ended["state_name"], "message": ended["state"]["message"],
            "seconds": ended["total_run_time"], **in_production(), "gate": gate("v0.0.2")}


def poisoned(book: Book) -> dict[str, Any]:
    """A batch whose labels were shuffled comes in; a retraining is asked for, and the gate keeps the champion."""
    arrive("poisoned", "inbox")
    ended = server.ended(server.start("retrain/retrain", cause={"by": "hand", "for": "the batch `poisoned`"}))
    return {"state": ended["state_name"], "message": ended["state"]["message"], **in_production(),
            "gate": gate("v0.0.3")}


def rollback(book: Book) -> dict[str, Any]:
    """One command back."""
    place.python("flows.promote", "--rollback")
    return in_production()


def alert(book: Book) -> dict[str, Any]:
    """Drift is found again; nothing labelled waits, so the retraining that starts by itself says so and stops."""
    ended = server.ended(server.appears("retrain", book.content["steps"]["window 8"]["at"])["id"])
    return {"state": ended["state_name"], "message": ended["state"]["message"]}


STEPS: dict[str, Step] = {
    "render": render, "up": up, "train": train, "first model": first_model,
    "window 1": window("1"), "window 2": window("2"), "window 3": window("3"), "labelled": labelled,
    "window 4": window("4"), "retrained": retrained, "window 5": window("5"), "window 6": window("6"),
    "poisoned": poisoned, "window 7": window("7"), "rollback": rollback, "window 8": window("8"),
    "alert": alert,
}
EXPECTED = {"window 1": "quiet", "window 2": "quiet", "window 3": "quiet", "window 4": "drift", "window 5": "quiet",
            "window 6": "quiet", "window 7": "quiet", "window 8": "drift"}


def arrive(name: str, where: str) -> None:
    """Copy a rendered folder to production, whole or not at all."""
    target = PRODUCTION / where / name
    if target.exists():
        return
    part = target.with_name(f".{name}")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(IMAGES / name, part)
    part.rename(target)


def in_production() -> dict[str, Any]:
    """The version in use."""
    found = json.loads(place.python("stages.production", "show", "--json"))
    return {"version": found["current"]["version"]}


def gate(version: str) -> dict[str, Any]:
    """What the gate found on a version."""
    path = next((PRODUCTION / "gates").glob(f"{version}-against-*/gate.json"))
    found = json.loads(path.read_text())
    return {name: found[name] for name in ("verdict", "reasons", "gate", "test")}


def newest_verdict() -> Any:
    """verdict.json of the monitor's last run."""
    return max((PRODUCTION / "drift").glob("*/verdict.json"), key=lambda path: path.stat().st_mtime_ns)


def main(arguments: list[str]) -> int:
    """0 where the story went as it should; 1 where a step did not."""
    parser = argparse.ArgumentParser(prog="python -m demo.story", description=__doc__)
    parser.add_argument("--stop-after", choices=list(STEPS))
    parser.add_argument("--down", action="store_true", help="stop server and workers")
    given = parser.parse_args(arguments)
    if given.down:
        print(place.python("flows.down").strip())
        return 0
    book = Book()
    for name, step in STEPS.items():
        if not book.done(name):
            tell(name, step, book)
        if name == given.stop_after:
            return 0
    return verdict(book)


def tell(name: str, step: Step, book: Book) -> None:
    """Carry out a step, say and write down what came of it."""
    print(f"{name}: {step.__doc__}", flush=True)
    at, start = datetime.now(UTC).isoformat(), time.monotonic()
    facts = step(book)
    seconds = round(time.monotonic() - start, 1)
    book.write(name, at=at, seconds=seconds, **facts)
    print(f"    {seconds} s: " + "; ".join(f"{key} {value}" for key, value in facts.items() if key in (
        "verdict", "version", "state", "studies", "server")), flush=True)


def verdict(book: Book) -> int:
    """Compare the story with how it should go, draw the figure."""
    steps = book.content["steps"]
    wrong = [f"{name}: {steps[name]['verdict']} instead of {expected}" for name, expected in EXPECTED.items()
             if steps[name]["verdict"] != expected]
    versions = {"retrained": "v0.0.2", "poisoned": "v0.0.2", "rollback": "v0.0.1"}
    wrong += [f"{name}: {steps[name]['version']} in production instead of {version}"
              for name, version in versions.items() if steps[name]["version"] != version]
    from demo import figure

    figure.draw(steps, place.TOP / "drift_story.png")
    seconds = sum(step["seconds"] for step in steps.values())
    print(f"the story took {seconds / 60:.1f} minutes; figure: {place.TOP / 'drift_story.png'}; "
          f"look at {server.API.removesuffix('/api')}, then: python -m demo.story --down")
    if steps["alert"]["state"] != "NothingTrained":
        wrong.append(f"alert: {steps['alert']['state']} instead of NothingTrained")
    for line in wrong:
        print(f"NOT as it should go: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
