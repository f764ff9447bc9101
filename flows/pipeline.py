"""`python -m flows.pipeline [--set train.epochs=2 ...]`: run what is stale, here, with each stage's live output.

A plain function (`flows.local_run`); where PREFECT_API_URL is set a Prefect flow wraps it and reports to that server.
Without, no server is started and Prefect is not even imported. Dispatch to workers is `flows.dispatch`'s.
"""
import argparse
import os
import sys
from pathlib import Path

from flows import overrides
from flows.local_run import PipelineFailed, run


def main(arguments: list[str]) -> int:
    """Exit status: 0, 1 (parameter), dvc's own where a stage failed, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m flows.pipeline", description="run what is stale, here")
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value", dest="parameters")
    given = parser.parse_args(arguments)
    try:
        parameters = overrides.parse(given.parameters)
        if os.environ.get("PREFECT_API_URL"):
            from flows.local_flow import pipeline  # imports Prefect, which takes seconds

            pipeline(parameters)
        else:
            run(Path.cwd(), parameters)
    except overrides.OverrideError as error:
        print(error, file=sys.stderr)
        return 1
    except PipelineFailed as failed:
        print(failed, file=sys.stderr)
        return failed.status
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where it stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
