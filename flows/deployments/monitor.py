"""Watches production: judges the last scored studies, deployed as `monitor/monitor` with an hourly schedule.

Every run whose verdict is "drift" emits `cxr.drift.detected`, so that an event that came while a retraining was under
way is said again. `python -m flows.deployments.monitor` starts a run of the deployment and watches it; without a
server, `python -m serving.monitor` does all but event and artifact.
"""
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event
from prefect.states import Completed

from flows import up
from flows.repo.workspace import Say, StageFailed
from flows.server import services
from flows.support import settings, supervised
from flows.support.settings import Settings

DEPLOYMENT, EVENT = "monitor/monitor", "cxr.drift.detected"
_DRIFTED = 3  # exit status of serving.monitor
_WORDS = {"drift": "Drift", "quiet": "No drift", "too_few": "Too few studies to judge"}
_SHOWN = 12  # reasons and comparisons in the artifact; the report has them all


@flow(name="monitor", persist_result=False, validate_parameters=False)
def monitor(window: int | None = None) -> Any:
    """Judge the last `window` studies of the scoring log (default: monitor.window of params.yaml)."""
    here, say = settings.from_environment(), get_run_logger().info
    verdict, folder = judge(here, window, say)
    create_markdown_artifact(page(verdict, folder.name), key="drift", description=_WORDS[verdict["verdict"]])
    if verdict["verdict"] == "drift":
        announce(verdict, folder.name)
    return Completed(name=_WORDS[verdict["verdict"]], message="; ".join(verdict["reasons"][:3]) or "nothing stands out")


def judge(here: Settings, window: int | None, say: Say) -> tuple[dict[str, Any], Path]:
    """Run `serving.monitor` in the project; content and folder of verdict.json. StageFailed where it can't judge."""
    asked = [] if window is None else ["--window", str(window)]
    command = [sys.executable, "-m", "serving.monitor", "--production", str(here.production), *asked]
    ended = supervised.run(command, here.project, on_line=say)
    if ended.status not in (0, _DRIFTED):
        raise StageFailed("monitor: " + (ended.tail[-1] if ended.tail else f"exit status {ended.status}"))
    path = Path(ended.tail[-1].removeprefix("verdict: "))
    content: dict[str, Any] = json.loads((here.project / path).read_text())
    return content, path.parent


def announce(verdict: dict[str, Any], number: str) -> None:
    """Emit `cxr.drift.detected`: what retraining is triggered by."""
    model = verdict["model"]
    emit_event(EVENT, resource={"prefect.resource.id": f"cxr.model.{model[:16]}",
                                "prefect.resource.name": verdict["version"] or model[:16]},
               payload={"model": model, "version": verdict["version"], "window": verdict["window"],
                        "reasons": verdict["reasons"], "data_hash": verdict["window"]["data_hash"], "verdict": number})


def page(verdict: dict[str, Any], number: str) -> str:
    """The verdict as markdown, with the comparisons nearest to drift."""
    window = verdict["window"]
    lines = [f"# {_WORDS[verdict['verdict']]}", "",
             f"{window['studies']} studies ({window['labelled']} labelled; accuracy on the last "
             f"{verdict['labelled']['studies']} with labels), {_span(window)}, model "
             f"{verdict['version']} (`{verdict['model'][:16]}`). Report: `drift/{number}/index.html` in the production "
             "folder.", ""]
    lines += [f"- {reason}" for reason in verdict["reasons"][:_SHOWN]]
    if verdict["tests"]:
        lines += ["", "| comparison | effect | counts from | p (Holm) |", "|---|---:|---:|---:|"]
        lines += [f"| {t['name']} | {_short(t['effect'])} | {t['threshold']} | {_short(t['p_adjusted'])} |"
                  for t in verdict["tests"][:_SHOWN]]
    lines += ["", *(f"Not compared: {words}." for words in verdict["left_out"])]
    return "\n".join(lines)


def _short(value: float | str) -> str:
    """Three digits; "n/a" stays."""
    return value if isinstance(value, str) else f"{value:.3g}"


def _span(window: dict[str, Any]) -> str:
    """From when to when the window was scored, as people write it."""
    if not window["first"]:
        return "at no time"
    moments = (f"{datetime.fromisoformat(window[end]):%Y-%m-%d %H:%M} UTC" for end in ("first", "last"))
    return "scored " + " to ".join(dict.fromkeys(moments))


def main() -> int:
    """Start a run of the deployment and watch it."""
    here = settings.from_environment()
    if not os.environ.get("PREFECT_API_URL"):
        os.environ.update(up.variables(here, services.home(here.project)))
    from flows.server.follow import follow

    return follow(DEPLOYMENT, {})


if __name__ == "__main__":
    sys.exit(main())
