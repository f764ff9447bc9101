"""`make retrain`: train on what waits in production/inbox, judge it, promote it or keep what is in production.

`python -m flows.retrain` starts a run of the deployment `retrain/retrain` and watches it; with `--here` everything is
done in this process, without a server.
"""
import argparse
import sys

from flows.release import promotion, retraining, rounds
from flows.repo import git, workspace
from flows.server import environment
from flows.support import commands, logs
from flows.support.settings import Settings, from_environment

DEPLOYMENT = "retrain/retrain"


def main(arguments: list[str]) -> int:
    """0 where the run ended well, whatever the verdict; 1 where it did not."""
    parser = argparse.ArgumentParser(prog="python -m flows.retrain", description=__doc__)
    parser.add_argument("--here", action="store_true", help="in this process, without a server")
    given = parser.parse_args(arguments)
    if given.here:
        return _in_process(environment.at_home())
    return environment.run_deployment(DEPLOYMENT, {"cause": {"by": "hand"}}, from_environment())


def _in_process(settings: Settings) -> int:
    logs.show_in_terminal()
    try:
        ended, why = rounds.run(settings, rounds.InProcessSteps())
    except (retraining.NothingToBeat, commands.Refused, git.HandOverFailed, workspace.StageFailed,
            promotion.MainMoved) as error:
        print(f"retrain: {error}", file=sys.stderr)
        return 1
    print(f"retrain: {why or ended.reached['outcome']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
