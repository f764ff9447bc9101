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

from demo import checks, images, place, server, truth
from demo.place import IMAGES, PRODUCTION, Book

LABELS = ["Cardiomegaly", "Effusion", "Pneumothorax", "Consolidation", "Emphysema"]
_SAID = ("verdict", "version", "stage", "state", "message", "studies", "server")
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
    server.ended(server.start("pipeline/pipeline", "the first model", revision="main", parameters={}, force=False))
    return {}


def first_model(book: Book) -> dict[str, Any]:
    """The first model into production."""
    server.ended(server.start("promote/promote", "the first model", version="v0.0.1"))
    return in_production()


def window(name: str) -> Step:
    """Studies arrive, are scored and watched."""

    def step(book: Book) -> dict[str, Any]:
        """What came of it."""
        folders = sorted(IMAGES.glob(f"window-{name}*"))
        for folder in folders:
            arrive(folder.name, "incoming")
        server.ended(server.start("score/score", f"window {name}"))
        watched = server.ended(server.start("monitor/monitor", f"window {name}"))
        verdict = json.loads(newest_verdict().read_text())
        return {
            "state": watched["state_name"],
            "verdict": verdict["verdict"],
            "reasons": verdict["reasons"][:4],
            "truth": truth.window(PRODUCTION, folders, LABELS),
        }

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
    runs = [run for run in server.runs("retrain") if run["state_type"] != "CANCELLED"]
    return {
        "cause": ended["parameters"]["cause"],
        "runs": len(runs),
        "state": ended["state_name"],
        "message": ended["state"]["message"],
        "run_seconds": ended["total_run_time"],
        **in_production(),
        "gate": gate("v0.0.2"),
        "split": truth.moved(place.manifest("v0.0.1"), place.manifest("v0.0.2")),
    }


def poisoned(book: Book) -> dict[str, Any]:
    """A batch whose labels were shuffled comes in; a retraining is asked for, and the gate keeps the champion."""
    arrive("poisoned", "inbox")
    cause = {"by": "hand", "for": "the batch `poisoned`"}
    ended = server.ended(server.start("retrain/retrain", "poisoned batch", cause=cause))
    return {
        "state": ended["state_name"],
        "message": ended["state"]["message"],
        **in_production(),
        "gate": gate("v0.0.3"),
    }


def rollback(book: Book) -> dict[str, Any]:
    """One command back; the browser shows it as a run of its own."""
    since = datetime.now(UTC).isoformat()
    place.python("flows.promote", "--rollback")
    runs = server.runs("rollback", since)
    return {"state": runs[-1]["state_name"] if runs else "not on the server", **in_production()}


def alert(book: Book) -> dict[str, Any]:
    """Drift is found again; nothing labelled waits, so the retraining that starts by itself says so and stops."""
    ended = server.ended(server.appears("retrain", book.content["steps"]["window 8"]["at"])["id"])
    return {"state": ended["state_name"], "message": ended["state"]["message"]}


STEPS: dict[str, Step] = {
    "render": render,
    "up": up,
    "train": train,
    "first model": first_model,
    "window 1": window("1"),
    "window 2": window("2"),
    "window 3": window("3"),
    "labelled": labelled,
    "window 4": window("4"),
    "retrained": retrained,
    "window 5": window("5"),
    "window 6": window("6"),
    "poisoned": poisoned,
    "window 7": window("7"),
    "rollback": rollback,
    "window 8": window("8"),
    "alert": alert,
}


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
    """The version that serves, and the one that has gto's stage."""
    found = json.loads(place.python("serving.registry", "show", "--json"))
    return {"version": found["current"]["version"], "stage": place.stage()}


def gate(version: str) -> dict[str, Any]:
    """What the gate found on a version."""
    path = next((PRODUCTION / "gates").glob(f"{version}-against-*/gate.json"))
    found = json.loads(path.read_text())
    return {name: found[name] for name in ("verdict", "reasons", "gate", "test")}


def newest_verdict() -> Any:
    """verdict.json of the monitor's last run."""
    return max((PRODUCTION / "drift").glob("*/verdict.json"), key=lambda path: path.stat().st_mtime_ns)


def main(arguments: list[str]) -> int:
    """0 where the story went as it should; SystemExit with words where a step did not."""
    parser = argparse.ArgumentParser(prog="python -m demo.story", description=__doc__)
    parser.add_argument("--stop-after", choices=list(STEPS))
    parser.add_argument("--down", action="store_true", help="stop server and workers")
    given = parser.parse_args(arguments)
    if given.down:
        print(place.python("flows.down").strip())
        return 0
    book = Book()
    if book.done("up") and not book.done("alert"):
        place.python("flows.up")  # a story that goes on after its server was stopped
    for name, step in STEPS.items():
        if not book.done(name):
            tell(name, step, book)
        if name == given.stop_after:
            return 0
    return end(book)


def tell(name: str, step: Step, book: Book) -> None:
    """Carry out a step, say and write down what came of it. SystemExit where it is not as it should be."""
    print(f"{name}: {step.__doc__}", flush=True)
    at, start = datetime.now(UTC).isoformat(), time.monotonic()
    facts = step(book)
    seconds = round(time.monotonic() - start, 1)
    book.write(name, at=at, seconds=seconds, **facts)
    said = [f"{key} {value}" for key, value in facts.items() if key in _SAID]
    said += [
        f"AUROC on {scanner} {part['auroc']:.3f}"
        for scanner, part in facts.get("truth", {}).items()
        if scanner in ("A", "B")
    ]
    print(f"    {seconds} s: " + "; ".join(said), flush=True)
    if wrong := checks.wrong(name, book.content["steps"]):
        book.forget(name)
        raise SystemExit("\n".join(f"demo: {name} did NOT come out as it should: {words}" for words in wrong))


def end(book: Book) -> int:
    """Draw the figure, say how long it took; 1 where that was too long."""
    from demo import figure

    steps = book.content["steps"]
    figure.draw(steps, place.TOP / "drift_story.png")
    seconds = sum(step["seconds"] for step in steps.values())
    print(
        f"all {len(steps)} steps came out as they should, in {seconds / 60:.1f} minutes; figure: "
        f"{place.TOP / 'drift_story.png'}; every step in the UI: {server.API.removesuffix('/api')}; stop it: "
        "python -m demo.story --down"
    )
    if slow := checks.too_slow(seconds):
        print(f"demo: {slow}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
