"""Wait for a rollback of ours, or look once, and say what came of it."""

import asyncio
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from deployments.place_values import GoneBack
from domain.abandoned import STARTS
from domain.errors import Broken, ServiceUnreachable, UnknownObject
from flows.rollback_ends import RolledBack

PATIENCE = 300.0
"""Seconds for which a command waits for a rollback."""
DONE = ("rolled back", "data restored")


async def result_of(flow_run: str, seconds: float = PATIENCE) -> GoneBack:
    """Return what came of it; raise Broken when it failed, ServiceUnreachable when it did not end in time."""
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
    return await _outcome(found)


async def outcome_of(flow_run: str, project: str) -> GoneBack | None:
    """Return what came of the project's rollback; None while it goes on. Raises UnknownObject when it is no rollback of it."""
    async with get_client() as client:
        try:
            found = await client.read_flow_run(UUID(flow_run))
        except (ObjectNotFound, ValueError):
            raise UnknownObject("rollback", flow_run) from None
    if found.name != rollback_name(project):
        raise UnknownObject("rollback", flow_run)
    return await _outcome(found) if has_ended(found) else None


def rollback_name(project: str) -> str:
    """Return how the flow runs of a project's rollbacks are called."""
    return f"roll back {project}"


async def _outcome(found: FlowRun) -> GoneBack:
    if found.state is None or not found.state.is_completed():
        raise Broken(f"the rollback failed: {found.state.message if found.state else 'it has no state'}")
    result = await found.state.aresult()
    if not isinstance(result, RolledBack):
        raise Broken(f"the rollback returned {type(result).__name__}")
    return GoneBack(**result.model_dump(), is_done=result.outcome in DONE)


def has_ended(run: FlowRun) -> bool:
    """Tell whether the run will not go on: one whose process died does, until it was started too often."""
    if run.state is None or not run.state.is_final():
        return False
    return not run.state.is_crashed() or run.run_count >= STARTS
