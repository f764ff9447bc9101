"""`python -m stages.gate --out FOLDER [--version v0.0.3]`: judge what the pipeline made here against production.

Exit status 0: promote; 3: the champion stays; 1: they could not be compared.
"""
import argparse
import sys
from pathlib import Path

from stages import entry, production
from stages.gate import run

STAYS = 3


def main(arguments: list[str]) -> int:
    """Write gate.json and gate.md to the folder, print the words."""
    parser = argparse.ArgumentParser(prog="python -m stages.gate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where gate.json and gate.md go")
    parser.add_argument("--version", default="", help="what the challenger is recorded as, for the words")
    given = parser.parse_args(arguments)
    found: list[str] = []

    def judge(params: entry.Params) -> None:
        """Hold what is in production against the challenger, and show the verdict."""
        try:
            release = production.current(production.place())
        except production.NothingInProduction as error:
            raise entry.StageError(str(error)) from error
        verdict = run.main(params, release, given.out, given.version)
        found.append(str(verdict["verdict"]))
        print((given.out / "gate.md").read_text())

    status = entry.run("gate", judge)
    return status or (0 if found == [run.PROMOTE] else STAYS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
