"""The work pool and its queues, as the Prefect server keeps them."""

from contextlib import suppress

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists

from deployments.prefect_server.catalog import POOL, UPKEEP, WORK
from deployments.runner.worker import ForkWorker


async def ensure_pool(name: str = POOL, limit: int | None = None) -> None:
    """Create the work pool of our worker type and its queues; let `limit` deliveries go on at once."""
    template = ForkWorker.get_default_base_job_template()
    async with get_client() as client:
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=name, type=ForkWorker.type, base_job_template=template))
        with suppress(ObjectAlreadyExists):
            await client.create_work_queue(name=UPKEEP, work_pool_name=name, priority=1)
        work = await client.read_work_queue_by_name(WORK, work_pool_name=name)
        await client.update_work_queue(work.id, concurrency_limit=limit)
