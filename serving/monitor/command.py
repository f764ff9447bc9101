"""`python -m serving.monitor [--window 200 | --since 2026-01-31T00:00]`: is production as the model's reference?

Exit status 0: quiet, or too few studies; 3: drift; 1: it could not be found out, with a line that says why.
"""
import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from cxr.core.errors import HashMismatch, UserError
from cxr.params import ParamsError, load
from cxr.runtime.hand_over.drift_verdict import DRIFT
from serving.monitor.run import MonitorTask, run
from serving.registry import releases

DRIFTED = 3


def main(arguments: list[str] | None = None) -> int:
    """Judge the window, write verdict and report, say both; the exit status."""
    given = _parser().parse_args(arguments)
    production = given.production
    try:
        params = load()
        asked = MonitorTask(given.log or production / "log", production / "feedback", production / "drift",
                      given.window or params.monitor.window, given.since, given.images or Path(params.score.folder))
        verdict, folder = run(asked, releases.current(production), params.monitor)
    except (ParamsError, UserError, HashMismatch, releases.NothingInProduction, OSError, ValueError) as error:
        for line in str(error).splitlines():
            print(f"monitor: {line}", file=sys.stderr)
        return 1
    print(f"{verdict.verdict}: {verdict.window.studies} studies ({verdict.window.labelled} labelled; accuracy on "
          f"{verdict.labelled.studies}), {len(verdict.tests)} comparisons")
    for line in [*verdict.reasons, *(f"not compared: {what}" for what in verdict.left_out)]:
        print(f"  {line}")
    print(f"report: {folder / 'index.html'}\nverdict: {folder / 'verdict.json'}")
    return DRIFTED if verdict.verdict == DRIFT else 0


def _moment(text: str) -> datetime:
    """A moment as ISO 8601 has it; UTC where it names no zone."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m serving.monitor", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--window", type=int, help="the last so many studies (default: monitor.window of params.yaml)")
    which.add_argument("--since", type=_moment, help="studies scored since then, for example 2026-01-31T00:00")
    parser.add_argument("--log", type=Path, help="scoring log (default: log in the production folder)")
    parser.add_argument("--images", type=Path, help="the folder that was scored: its images that drove the verdict are "
                        "shown (default: score.folder of params.yaml)")
    parser.add_argument("--production", type=Path, default=releases.production_folder(), help="production folder")
    return parser
