"""A project is taken down: first everything that works on it ends, then it goes with all that it has."""

import asyncio
import time
from typing import TYPE_CHECKING

from deployments.prefect_server.flow_runs import cancel_flow_run
from domain.errors import ServiceUnreachable

if TYPE_CHECKING:
    from uuid import UUID

    from deployments.desk.requests import Desk

ALL = 1000
"""Runs of a project that are looked through."""
PATIENCE = 30.0
"""Seconds in which the runner, which looks every two, has ended what was cancelled."""


async def take_down(project: str, who: str, desk: "Desk", seconds: float = PATIENCE) -> None:
    """Cancel the project's runs, wait until no process of theirs is left, and remove the project.

    Nothing is removed while something still works on it: what it makes afterwards would belong to nobody. Raises
    ServiceUnreachable when the runner does not end them.
    """
    from tasks.removal import remove_project

    for run in await desk.registry.runs(project, ALL):
        if not run.state.ended:
            await desk.cancel(run.id, who)
    await end_flow_runs(project, seconds)
    at = desk.blocks
    await remove_project(project, who, at.registry, at.engine, at.proxy, at.vault, at.git, at.accounts)


async def end_flow_runs(project: str, seconds: float) -> None:
    """Cancel the deployments' runs for the project, rollbacks among them, and wait for their end."""
    deadline = time.monotonic() + seconds
    for flow_run in await unfinished(project):
        await cancel_flow_run(str(flow_run))
    while await unfinished(project):
        if time.monotonic() > deadline:
            raise ServiceUnreachable("the runner", f"ending the runs of {project}", "look at its log, then try again")
        await asyncio.sleep(0.2)


async def unfinished(project: str) -> "list[UUID]":
    """Return Prefect's ids of runs that have not ended; those in a person's own process end by themselves."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterDeploymentId,
        FlowRunFilterState,
        FlowRunFilterStateType,
        FlowRunFilterTags,
    )
    from prefect.client.schemas.objects import TERMINAL_STATES

    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[f"project:{project}"]),
        deployment_id=FlowRunFilterDeploymentId(is_null_=False),
        state=FlowRunFilterState(type=FlowRunFilterStateType(not_any_=list(TERMINAL_STATES))),
    )
    async with get_client() as client:
        return [found.id for found in await client.read_flow_runs(flow_run_filter=wanted)]
