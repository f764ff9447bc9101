"""`cxr score`: scores what arrived since last time, by the model in production.

What it writes: docs/reference/scoring-log.md.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from cxr.core.files import write_text
from cxr.params import Params
from cxr.raw.names import IMAGE_KINDS
from cxr.runtime import command_line, stage_main
from serving.registry import releases
from serving.score import markdown
from serving.score.log_writer import Tally
from serving.score.run import ScoringPlan, score
from serving.score.score_images import ImageBounds

app = command_line.application()
_FOLDER = typer.Argument(
    help="folder of PNG and JPEG files, searched through (default: score.folder of params.yaml)",
    parser=command_line.given_path,
    metavar="FOLDER",
    show_default=False,
)
_PAGE = typer.Option(help="also write the counts as a page of markdown", parser=command_line.given_path, metavar="FILE")


@command_line.command(app, stage_main.STATUSES)
def scored(
    folder: Annotated[Path | None, _FOLDER] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="also studies that an earlier model has scored and the one in production has not"),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="counts as JSON on standard output")] = False,
    page: Annotated[Path | None, _PAGE] = None,
) -> None:
    """Score new studies into the scoring log, by the model in production."""

    def body(params: Params) -> dict[str, int]:
        """Score, and say what was done with every file."""
        plan = plan_of(params, folder, again)
        tally = score(plan)
        counts = tally.counts()
        if page:
            write_text(page, markdown.page(counts, plan.folder))
        print(json.dumps(counts.content()) if as_json else "\n".join(f"score: {line}" for line in summary(tally, plan)))
        return counts.model_dump(exclude={"models"})

    raise typer.Exit(stage_main.run("score", body, resumes=True))


def main(arguments: list[str] | None = None, name: str = "python -m serving.score") -> int:
    """Read the command line and score; the exit status."""
    return command_line.run(app, arguments, name)


def plan_of(params: Params, folder: Path | None, again: bool) -> ScoringPlan:
    """The plan that params.yaml and the command line make."""
    section = params.score
    return ScoringPlan(
        folder or Path(section.folder),
        releases.production_folder(),
        section.batch_size,
        section.max_file_bytes,
        ImageBounds.of(params),
        section.part_seconds,
        again,
        not params.ingest.public,
    )


def summary(tally: Tally, plan: ScoringPlan) -> list[str]:
    """What happened to every file, in lines for people."""
    by = ", ".join(f"{count} by {version}" for version, count in sorted(tally.models.items()))
    lines = [tally.counts().headline + (f" ({by})" if by else "")]
    if tally.quarantined:
        lines.append(f"why: {plan.log / 'quarantine.csv'}")
    if tally.others:
        lines.append(f"{tally.others} other files are no {IMAGE_KINDS} and were passed over")
    return lines
