"""`python -m serving.gate --out FOLDER [--version v0.0.3]`: judge what the pipeline made here against production.

`--needs` judges nothing: it prints, as a JSON list, which of the pipeline's files the comparison reads.
Exit status 0: promote; 3: the champion stays; 1: they could not be compared.
"""
import argparse
import json
from pathlib import Path

from cxr.core import errors
from cxr.params import Params
from cxr.runtime import stage_main
from cxr.runtime.hand_over import GateVerdict
from serving.gate import needs, run
from serving.registry import releases

STAYS = 3


def main(arguments: list[str]) -> int:
    """Write gate.json and gate.md to the folder, print the words."""
    parser = argparse.ArgumentParser(prog="python -m serving.gate", description=__doc__)
    words = parser.add_mutually_exclusive_group(required=True)
    words.add_argument("--out", type=Path, metavar="FOLDER", help="where gate.json and gate.md go")
    words.add_argument("--needs", action="store_true", help="only print which files the comparison reads, as JSON")
    parser.add_argument("--version", default="", help="what the challenger is recorded as, for the words")
    given = parser.parse_args(arguments)
    found: list[GateVerdict] = []

    def judge(params: Params) -> None:
        """Hold what is in production against the challenger, and show the verdict."""
        try:
            release = releases.current(releases.production_folder())
        except releases.NothingInProduction as error:
            raise errors.UserError(str(error)) from error
        found.append(run.main(params, release, given.out, given.version))
        print((given.out / "gate.md").read_text())

    if given.needs:
        production = releases.production_folder()
        return stage_main.run("gate", lambda params: print(json.dumps(needs.paths(params, production))))
    status = stage_main.run("gate", judge)
    return status or (0 if found[0].promotes else STAYS)
