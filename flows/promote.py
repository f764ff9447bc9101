"""`make promote VERSION=v0.0.3`: a recorded version into production by hand; through the gate, where a model stands
there. `make rollback`: back to the one before, with one command, also where git's remote or the server is gone.

Both report to the server of PREFECT_API_URL, or else to the one that `make up` started here, as flow runs that the
browser shows; they are deployed, too (`promote`, `rollback`).
"""
import argparse
import os
import sys

from flows.release import promotion
from flows.repo.git import HandOverFailed
from flows.server import environment, services
from flows.support import commands, logs
from flows.support.secrets import without_credentials
from flows.support.settings import Settings

KEPT = 3  # exit status where the champion stays


def main(arguments: list[str]) -> int:
    """0; 3 where the gate keeps the champion; 1 where something else stands in the way."""
    parser = argparse.ArgumentParser(prog="python -m flows.promote", description=__doc__)
    parser.add_argument("--version", help="a version that a pipeline run recorded, for example v0.0.3")
    parser.add_argument("--rollback", action="store_true", help="go back to the release before")
    given = parser.parse_args(arguments)
    if bool(given.version) == given.rollback:
        parser.error("give --version or --rollback")
    settings = environment.at_home()
    try:
        print(_reported(given.version) if _server(settings) else _in_process(given.version, settings))
    except promotion.ChampionStays as stays:
        print(stays, file=sys.stderr)
        return KEPT
    except (commands.Refused, HandOverFailed, promotion.MainMoved, promotion.TagBehind) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _in_process(version: str | None, settings: Settings) -> str:
    logs.show_in_terminal()
    return promotion.promote(version, settings) if version else promotion.rollback(settings)


def _server(settings: Settings) -> bool:
    """Whether a Prefect server is there to report to; its variables are set. One that does not answer, or not to this
    password, is said, and nothing waits for it: a rollback is for bad days."""
    if not os.environ.get("PREFECT_API_URL"):
        if services.running("server", settings.own_home()) is None:
            return False
        environment.use_own_server(settings)
    api = os.environ["PREFECT_API_URL"]
    if services.answers(api, "/admin/version", os.environ.get("PREFECT_API_AUTH_STRING", "")):
        return True
    print(f"no Prefect server answers at {without_credentials(api)} (or not without CXR_AUTH): nothing is reported",
          file=sys.stderr)
    return False


def _reported(version: str | None) -> str:
    from flows.deployments import promote as flow  # imports Prefect, which takes seconds

    if version:
        return flow.promote.with_options(flow_run_name=f"make promote {version}")(version)
    return flow.rollback.with_options(flow_run_name="make rollback")()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
