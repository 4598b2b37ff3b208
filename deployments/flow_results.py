"""Wait for a flow run of ours and return what it returned."""

import asyncio
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

from domain.abandoned import STARTS
from domain.errors import Broken, ServiceUnreachable
from flows.rollback_ends import RolledBack

PATIENCE = 300.0
"""Seconds for which a command waits for a rollback."""


async def result_of(flow_run: str, seconds: float = PATIENCE) -> RolledBack:
    """Return the rollback's result; raise Broken when it failed, ServiceUnreachable when it did not end in time."""
    async with get_client() as client:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found = await client.read_flow_run(UUID(flow_run))
                    if has_ended(found):
                        break
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise ServiceUnreachable("the runner", "rolling back", f"flow run {flow_run} did not end") from None
    if found.state is None or not found.state.is_completed():
        raise Broken(f"the rollback failed: {found.state.message if found.state else 'it has no state'}")
    result = await found.state.aresult()
    if not isinstance(result, RolledBack):
        raise Broken(f"the rollback returned {type(result).__name__}")
    return result


def has_ended(run: FlowRun) -> bool:
    """Tell whether the run will not go on: one whose process died does, until it was started too often."""
    if run.state is None or not run.state.is_final():
        return False
    return not run.state.is_crashed() or run.run_count >= STARTS
