"""Creates the work pools on the server, once."""

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists

from flows.dispatch.pools import POOLS


def create() -> None:
    """Make each pool of flows.dispatch.pools, of type process; one that stands is left as it is."""
    from prefect.workers.process import ProcessWorker

    with get_client(sync_client=True) as client:
        for pool in POOLS:
            try:
                client.create_work_pool(
                    WorkPoolCreate(
                        name=pool, type="process", base_job_template=ProcessWorker.get_default_base_job_template()
                    )
                )
            except ObjectAlreadyExists:
                continue
