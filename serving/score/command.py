"""`python -m serving.score [FOLDER] [--again] [--json]`: what arrived since last time, scored by what is in production.

Exit status 0, 1 (an error, said in a line), 2 (wrong command line), 130 (interrupted; the same command goes on).
"""
import argparse
import json
from pathlib import Path

from cxr.params import Params
from cxr.raw.names import IMAGE_KINDS
from cxr.runtime import stage_main
from serving.registry import releases
from serving.score.log_writer import Tally
from serving.score.run import Plan, score


def main(arguments: list[str] | None = None) -> int:
    """Score, and say what was done with every file."""
    options = _parser().parse_args(arguments)
    return stage_main.run("score", lambda params: _run(params, options), resumes=True)


def plan_of(params: Params, folder: Path | None, again: bool) -> Plan:
    """The plan that params.yaml and the command line make."""
    section = params.score
    return Plan(folder or Path(section.folder), releases.place(), section.batch_size, section.max_file_bytes,
                params.ingest.max_pixels, section.part_seconds, again)


def said(tally: Tally, plan: Plan) -> list[str]:
    """What happened to every file, in lines for people."""
    by = ", ".join(f"{count} by {version}" for version, count in sorted(tally.models.items()))
    lines = [f"{tally.seen} files seen = {tally.scored} scored + {tally.already} already scored + "
             f"{tally.quarantined} quarantined" + (f" ({by})" if by else "")]
    if tally.quarantined:
        lines.append(f"why: {plan.log / 'quarantine.csv'}")
    if tally.others:
        lines.append(f"{tally.others} other files are no {IMAGE_KINDS} and were passed over")
    return lines


def _run(params: Params, options: argparse.Namespace) -> dict[str, int]:
    plan = plan_of(params, options.folder, options.again)
    tally = score(plan)
    print(json.dumps(tally.as_json()) if options.json else "\n".join(f"score: {line}" for line in said(tally, plan)))
    return {name: count for name, count in tally.as_json().items() if isinstance(count, int)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m serving.score", description="Score new studies into the scoring log.")
    parser.add_argument("folder", type=Path, nargs="?", help="folder of PNG and JPEG files, searched through "
                        "(default: score.folder of params.yaml)")
    parser.add_argument("--again", action="store_true",
                        help="also studies that an earlier model has scored and the one in production has not")
    parser.add_argument("--json", action="store_true", help="counts as JSON on standard output")
    return parser
