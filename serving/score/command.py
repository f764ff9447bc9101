"""`python -m serving.score [FOLDER] [--again] [--json] [--page FILE]`: scores what arrived since last time.

By the model in production; docs/reference/scoring-log.md.

Exit status 0, 1 (an error, said in a line), 2 (wrong command line), 130 (interrupted; the same command goes on).
"""
import argparse
import json
from pathlib import Path

from cxr.core.files import write_text
from cxr.params import Params
from cxr.raw.names import IMAGE_KINDS
from cxr.runtime import stage_main
from serving.registry import releases
from serving.score import markdown
from serving.score.log_writer import Tally
from serving.score.run import ScoringPlan, score


def main(arguments: list[str] | None = None) -> int:
    """Score, and say what was done with every file."""
    options = _parser().parse_args(arguments)
    return stage_main.run("score", lambda params: _run(params, options), resumes=True)


def plan_of(params: Params, folder: Path | None, again: bool) -> ScoringPlan:
    """The plan that params.yaml and the command line make."""
    section = params.score
    return ScoringPlan(folder or Path(section.folder), releases.production_folder(), section.batch_size,
                       section.max_file_bytes, params.ingest.max_pixels, section.part_seconds, again)


def summary(tally: Tally, plan: ScoringPlan) -> list[str]:
    """What happened to every file, in lines for people."""
    by = ", ".join(f"{count} by {version}" for version, count in sorted(tally.models.items()))
    lines = [tally.counts().headline + (f" ({by})" if by else "")]
    if tally.quarantined:
        lines.append(f"why: {plan.log / 'quarantine.csv'}")
    if tally.others:
        lines.append(f"{tally.others} other files are no {IMAGE_KINDS} and were passed over")
    return lines


def _run(params: Params, options: argparse.Namespace) -> dict[str, int]:
    plan = plan_of(params, options.folder, options.again)
    tally = score(plan)
    counts = tally.counts()
    if options.page:
        write_text(options.page, markdown.page(counts, plan.folder))
    lines = [json.dumps(counts.content())] if options.json else [f"score: {line}" for line in summary(tally, plan)]
    print("\n".join(lines))
    return counts.model_dump(exclude={"models"})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m serving.score", description="Score new studies into the scoring log.")
    parser.add_argument("folder", type=Path, nargs="?", help="folder of PNG and JPEG files, searched through "
                        "(default: score.folder of params.yaml)")
    parser.add_argument("--again", action="store_true",
                        help="also studies that an earlier model has scored and the one in production has not")
    parser.add_argument("--json", action="store_true", help="counts as JSON on standard output")
    parser.add_argument("--page", type=Path, metavar="FILE", help="also write the counts as a page of markdown")
    return parser
