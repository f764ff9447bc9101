"""`python -m serving.gate --out FOLDER [--version v0.0.3]`: judge what the pipeline made here against production.

Exit status 0: promote; 3: the champion stays; 1: they could not be compared.
"""
import argparse
from pathlib import Path

from cxr.core import errors
from cxr.params import Params
from cxr.runtime import stage_main
from cxr.runtime.hand_over import GateVerdict
from serving.gate import run
from serving.registry import releases

STAYS = 3


def main(arguments: list[str]) -> int:
    """Write gate.json and gate.md to the folder, print the words."""
    parser = argparse.ArgumentParser(prog="python -m serving.gate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where gate.json and gate.md go")
    parser.add_argument("--version", default="", help="what the challenger is recorded as, for the words")
    given = parser.parse_args(arguments)
    found: list[GateVerdict] = []

    def judge(params: Params) -> None:
        """Hold what is in production against the challenger, and show the verdict."""
        try:
            release = releases.current(releases.place())
        except releases.NothingInProduction as error:
            raise errors.UserError(str(error)) from error
        found.append(run.main(params, release, given.out, given.version))
        print((given.out / "gate.md").read_text())

    status = stage_main.run("gate", judge)
    return status or (0 if found[0].promotes else STAYS)
