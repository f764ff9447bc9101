"""`cxr production`: the production folder by hand, and as flows use it."""

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from cxr.core.errors import HashMismatch, UserError
from cxr.core.files import read_json
from cxr.runtime import command_line
from cxr.runtime.hand_over.release import InProduction, ReleaseInPlace
from serving.registry import releases
from serving.registry.pipeline_output import PipelineOutput, pipeline_output_in

app = command_line.application("Show, install or roll back the release that serves on this machine.")
_STATUSES = "0, 1 (there is nothing to do it with, said in a line), 2 (wrong command line)"
_MENDABLE = (UserError, HashMismatch, FileNotFoundError, ValueError)
_FROM = typer.Option(
    "--from", help="folder in which the pipeline ran", parser=command_line.given_path, metavar="PROJECT"
)
_VERSION = typer.Option(help="what people call it, for example gto's v0.0.3")
_COMMIT = typer.Option(help="git commit that records it (default: HEAD of PROJECT)")
_LATENCY = typer.Option(
    help="JSON file with p50_ms, p95_ms, images, measured here", parser=command_line.given_path, metavar="FILE"
)


@command_line.command(app, _STATUSES, speaker="production", mendable=_MENDABLE)
def install(
    version: Annotated[str, _VERSION],
    project: Annotated[Path, _FROM] = Path(),
    commit: Annotated[str, _COMMIT] = "",
    latency: Annotated[Path | None, _LATENCY] = None,
) -> None:
    """Put the chosen variant of a finished pipeline into production, without the gate."""
    output: PipelineOutput = pipeline_output_in(project)
    release = releases.install(
        releases.production_folder(),
        output.model,
        version,
        commit or _head(project),
        read_json(latency) if latency else None,
        batches=output.batches,
        explanation=output.explanation,
    )
    print(f"in production: {release.version} ({output.variant}, {release.identity[:16]})")


@command_line.command(app, _STATUSES, speaker="production", mendable=_MENDABLE)
def show(as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """What is in use, and what was before."""
    folder = releases.production_folder()
    release, before = releases.current(folder), releases.previous(folder)
    if as_json:
        shown = InProduction(current=_shown(release), previous=_shown(before) if before else None)
        print(shown.model_dump_json(indent=2))
        return
    print(f"in production: {release.version} ({release.identity[:16]}), commit {release.commit[:12]}")
    print(f"before it: {before.version} ({before.identity[:16]})" if before else "before it: nothing")
    for line in releases.history(folder):
        print(f"  {line.at} {line.event} {line.version} ({line.identity[:16]})")


@command_line.command(app, _STATUSES, speaker="production", mendable=_MENDABLE)
def rollback(
    to_be: Annotated[bool, typer.Option("--to-be", help="only say which one that would be, as JSON")] = False,
) -> None:
    """Go back to the release before, on this machine alone (`cxr rollback` also moves gto's stage)."""
    folder = releases.production_folder()
    if to_be:
        before = releases.previous(folder)
        if before is None:
            raise releases.NothingBefore(f"{folder}: no release before the one in use to go back to")
        print(_shown(before).model_dump_json())
        return
    release = releases.rollback(folder)
    print(f"in production again: {release.version} ({release.identity[:16]})")


def main(arguments: list[str]) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m serving.registry")


def _shown(release: releases.Release) -> ReleaseInPlace:
    return ReleaseInPlace.model_validate({"folder": str(release.folder), **release.record().content()})


def _head(project: Path) -> str:
    shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True)
    return shown.stdout.strip()
