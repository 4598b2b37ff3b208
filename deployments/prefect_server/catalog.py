"""The Prefect deployments: which flow runs under which name, when, and how often at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from uuid import UUID

POOL = "slipway"
WORK = "default"
"""Queue of the deliveries, Prefect's own first one: so many go on at once as SLIPWAY_RUNNER_LIMIT says."""
UPKEEP = "upkeep"
"""Queue of what keeps apps running. It is asked first and has no limit: no amount of building delays a rollback."""
WATCH_EVERY = timedelta(seconds=60)
WATCH_STAYS = 150.0
"""Seconds that one run of health_watch stays when no newer one relieves it."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One deployment, named `<flow>/main`."""

    module: str
    flow: str
    every: timedelta | None = None
    daily: bool = False
    """Once a day, at the hour that the settings name; one that was missed comes late."""
    alone: bool = False
    """A second run at the same time is cancelled, not queued."""
    tags: tuple[str, ...] = ()
    queue: str = UPKEEP

    @property
    def name(self) -> str:
        return f"{self.flow}/main"


CATALOG: Sequence[Entry] = (
    Entry(module="flows.delivery", flow="delivery", tags=("work",), queue=WORK),
    Entry(module="flows.release", flow="release", tags=("release",)),
    Entry(module="flows.rollback", flow="rollback", tags=("release",)),
    Entry(module="flows.health_watch", flow="health_watch", every=WATCH_EVERY, tags=("watch",)),
    Entry(module="flows.janitor", flow="janitor", every=timedelta(minutes=15), alone=True, tags=("upkeep",)),
    Entry(module="flows.digest", flow="digest", daily=True, alone=True, tags=("upkeep",)),
    Entry(module="flows.alarm", flow="alarm", tags=("upkeep",)),
)


async def apply(entry: Entry, pool: str = POOL, hour: int = 8) -> UUID:
    """Create or update the deployment and return its id; runs import the flow by its module, no source is copied."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.schedules import Cron, Interval
    from prefect.types.entrypoint import EntrypointType

    limit = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    schedules = [Interval(entry.every)] if entry.every else [Cron(f"0 {hour} * * *")] if entry.daily else []
    flow = getattr(import_module(entry.module), entry.flow)
    deployment = await flow.ato_deployment(
        "main",
        work_pool_name=pool,
        work_queue_name=entry.queue,
        entrypoint_type=EntrypointType.MODULE_PATH,
        schedules=schedules,
        concurrency_limit=limit if entry.alone else None,
        tags=["slipway", *entry.tags],
    )
    applied: UUID = await deployment.aapply()
    return applied


async def begin(deployment: UUID) -> None:
    """Make a run of the deployment that is due now: its schedule alone would let it wait for the next full interval."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        await client.create_flow_run_from_deployment(deployment)


async def drop_missed(deployments: Sequence[UUID]) -> int:
    """Delete scheduled runs whose time passed while nothing was up; return how many. The next ones are due soon."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterExpectedStartTime,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    async with get_client() as client:
        missed = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
                expected_start_time=FlowRunFilterExpectedStartTime(before_=datetime.now(UTC) - timedelta(seconds=5)),
            ),
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=list(deployments))),
        )
        for run in missed:
            await client.delete_flow_run(run.id)
    return len(missed)
