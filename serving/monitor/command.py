"""`cxr monitor`: is production as the model's reference? See docs/how-to/monitor.md."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cxr.core.errors import HashMismatch, UserError
from cxr.params import ParamsError, load
from cxr.runtime import command_line
from cxr.runtime.hand_over.drift_verdict import DRIFT
from serving.monitor.run import MonitorTask, run
from serving.registry import releases

DRIFTED = 3


def _moment(text: str) -> datetime:
    """A moment as ISO 8601 has it; UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date or moment such as 2026-01-31T00:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


app = command_line.application()
_WINDOW = typer.Option(
    help="the last so many studies (default: monitor.window of params.yaml)", show_default=False, min=1
)
_SINCE = typer.Option(help="studies scored since then, for example 2026-01-31T00:00", parser=_moment, metavar="MOMENT")
_LOG = typer.Option(
    help="scoring log (default: log in the production folder)", parser=command_line.given_folder, metavar="FOLDER"
)
_IMAGES = typer.Option(
    help="the folder that was scored: its images that drove the verdict are shown (default: "
    "score.folder of params.yaml)",
    parser=command_line.given_folder,
    metavar="FOLDER",
)
_PRODUCTION = typer.Option(
    help="production folder (default: CXR_PRODUCTION, else production)",
    parser=command_line.given_path,
    metavar="FOLDER",
)


@command_line.command(
    app,
    "0 (quiet, or too few studies), 3 (drift), 1 (it could not be found out), 2 (wrong command line)",
    speaker="monitor",
    mendable=(ParamsError, UserError, HashMismatch, releases.NothingInProduction, OSError, ValueError),
)
def monitor(
    window: Annotated[int | None, _WINDOW] = None,
    since: Annotated[datetime | None, _SINCE] = None,
    log: Annotated[Path | None, _LOG] = None,
    images: Annotated[Path | None, _IMAGES] = None,
    production: Annotated[Path | None, _PRODUCTION] = None,
) -> None:
    """Judge a window of scored studies against the model's reference: inputs, accuracy, latency."""
    if window and since:
        raise typer.BadParameter("give --window or --since, not both", param_hint="--since")
    params, folder = load(), production or releases.production_folder()
    if window and window < params.monitor.least_studies:
        least = f"monitor.least_studies ({params.monitor.least_studies}), of which fewer are not judged"
        raise typer.BadParameter(f"{window} is below {least}", param_hint="--window")
    task = MonitorTask(
        log or folder / "log",
        folder / "feedback",
        folder / "drift",
        window or params.monitor.window,
        since,
        images or Path(params.score.folder),
    )
    verdict, page = run(task, releases.current(folder), params.monitor)
    print(
        f"{verdict.verdict}: {verdict.window.studies} studies ({verdict.window.labelled} labelled; accuracy on "
        f"{verdict.labelled.studies}), {len(verdict.tests)} comparisons"
    )
    for line in [*verdict.reasons, *(f"not compared: {what}" for what in verdict.left_out)]:
        print(f"  {line}")
    print(f"report: {page / 'index.html'}\nverdict: {page / 'verdict.json'}")
    if verdict.verdict == DRIFT:
        raise typer.Exit(DRIFTED)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and judge; the exit status."""
    return command_line.run(app, arguments, "python -m serving.monitor")
