"""`python -m flows.pipeline [--set train.epochs=2 ...]`: run what is stale, here, with each stage's live output.

A plain function (`flows.repo.reproduce`); where PREFECT_API_URL is set a Prefect flow wraps it and reports there.
Without, no server is started and Prefect is not even imported. Dispatch to workers is `flows.deployments.pipeline`'s.
"""
import argparse
import os
import sys
from pathlib import Path

from flows.repo.reproduce import PipelineFailed, run
from flows.support import logs, overrides


def main(arguments: list[str]) -> int:
    """Exit status: 0, 1 (parameter), dvc's own where a stage failed, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m flows.pipeline", description="run what is stale, here")
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value", dest="parameters")
    given = parser.parse_args(arguments)
    try:
        parameters = overrides.parse(given.parameters)
        if os.environ.get("PREFECT_API_URL"):
            from flows.deployments.pipeline import pipeline_here  # imports Prefect, which takes seconds

            pipeline_here(parameters)
        else:
            logs.show_in_terminal()
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
