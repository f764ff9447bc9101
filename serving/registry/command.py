"""`python -m serving.registry install|show|rollback`: the production folder by hand, and as flows use it."""
import argparse
import subprocess
import sys
from pathlib import Path

from cxr.core.errors import HashMismatch, UserError
from cxr.core.files import read_json
from cxr.runtime.hand_over.release import InProduction, ReleaseInPlace
from serving.registry import releases
from serving.registry.pipeline_output import PipelineOutput, pipeline_output_in


def main(arguments: list[str]) -> int:
    """0; 1 and a readable line where there is nothing to do it with."""
    given = _parser().parse_args(arguments)
    try:
        {"install": _install, "show": _show, "rollback": _rollback}[given.word](given)
    except (UserError, HashMismatch, FileNotFoundError, ValueError) as error:
        print(f"production: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving.registry", description=__doc__)
    words = parser.add_subparsers(dest="word", required=True)
    install = words.add_parser("install", help="put the chosen variant of a finished pipeline into production")
    install.add_argument("--from", type=Path, default=Path(), dest="project", metavar="PROJECT",
                         help="folder in which the pipeline ran (default: this one)")
    install.add_argument("--version", required=True, help="what people call it, for example gto's v0.0.3")
    install.add_argument("--commit", default="", help="git commit that records it (default: HEAD of PROJECT)")
    install.add_argument("--latency", type=Path, help="JSON file with p50_ms, p95_ms, images, measured here")
    show = words.add_parser("show", help="what is in use, and what was before")
    show.add_argument("--json", action="store_true")
    back = words.add_parser("rollback", help="go back to the release before")
    back.add_argument("--to-be", action="store_true", help="only say which one that would be")
    return parser


def _install(given: argparse.Namespace) -> None:
    output: PipelineOutput = pipeline_output_in(given.project)
    latency = read_json(given.latency) if given.latency else None
    release = releases.install(releases.production_folder(), output.model, given.version,
                               given.commit or _head(given.project), latency, batches=output.batches,
                               explanation=output.explanation)
    print(f"in production: {release.version} ({output.variant}, {release.identity[:16]})")


def _show(given: argparse.Namespace) -> None:
    folder = releases.production_folder()
    release, before = releases.current(folder), releases.previous(folder)
    if given.json:
        shown = InProduction(current=_shown(release), previous=_shown(before) if before else None)
        print(shown.model_dump_json(indent=2))
        return
    print(f"in production: {release.version} ({release.identity[:16]}), commit {release.commit[:12]}")
    print(f"before it: {before.version} ({before.identity[:16]})" if before else "before it: nothing")
    for line in releases.history(folder):
        print(f"  {line.at} {line.event} {line.version} ({line.identity[:16]})")


def _rollback(given: argparse.Namespace) -> None:
    folder = releases.production_folder()
    if given.to_be:
        before = releases.previous(folder)
        if before is None:
            raise releases.NothingBefore(f"{folder}: no release before the one in use to go back to")
        print(_shown(before).model_dump_json())
        return
    release = releases.rollback(folder)
    print(f"in production again: {release.version} ({release.identity[:16]})")


def _shown(release: releases.Release) -> ReleaseInPlace:
    return ReleaseInPlace.model_validate({"folder": str(release.folder), **release.record().content()})


def _head(project: Path) -> str:
    shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True)
    return shown.stdout.strip()
