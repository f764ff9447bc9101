"""`python -m flows.submit [--set train.epochs=2]`: run this checkout's commit on the workers, and watch.

Refuses a dirty tree and a commit that is not pushed (a checkout without a git remote is pushed to `.prefect/git`).
Talks to the server of `make up`, or to that of PREFECT_API_URL.
"""
import argparse
import sys

from flows import up
from flows.repo import git
from flows.repo.git import HandOverFailed, NotPinned
from flows.server import environment
from flows.support import overrides
from flows.support.settings import from_environment

DEPLOYMENT = "pipeline/pipeline"


def main(arguments: list[str]) -> int:
    """0 where the run completed; 1 where it was refused or ended otherwise."""
    parser = argparse.ArgumentParser(prog="python -m flows.submit", description="run what is stale, on the workers")
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value", dest="parameters")
    parser.add_argument("--force", action="store_true", help="take over nothing from earlier runs")
    given = parser.parse_args(arguments)
    settings = from_environment()
    try:
        parameters = overrides.parse(given.parameters)
        overrides.check(settings.project / "params.yaml", parameters)
        up.push_own(settings)
        commit = git.pinned(settings.project, settings.git)
        up.push_objects(settings)
    except (NotPinned, HandOverFailed, overrides.OverrideError) as error:
        print(error, file=sys.stderr)
        return 1
    asked = {"revision": commit, "parameters": parameters, "force": given.force}
    return environment.run_deployment(DEPLOYMENT, asked, settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
