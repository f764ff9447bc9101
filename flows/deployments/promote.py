"""Promotion and rollback as Prefect flows, deployed as `promote/promote` and `rollback/rollback`."""

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.deployments.run_log import show_in_run
from flows.release import gate, promotion
from flows.support.settings import from_environment


@flow(name="promote", persist_result=False)
def promote(version: str) -> str:
    """A recorded version into production, through the gate; fails where the champion stays."""
    show_in_run("promote")
    return promotion.promote(version, from_environment(), _show)


@flow(name="rollback", persist_result=False)
def rollback() -> str:
    """Production back to the release before."""
    show_in_run("rollback")
    done = promotion.rollback(from_environment())
    create_markdown_artifact(f"# Rollback\n\n{done}.\n", key="rollback", description=done)
    return done


def _show(verdict: gate.Verdict) -> None:
    create_markdown_artifact(verdict.page, key="gate", description="promote" if verdict.promote else "champion stays")
