"""Abandoned runs: their flow run failed for good, killed its process too often, or is gone, and their row stands open.

True afterwards: such a run has failed and its person was told; one that crashed and was not taken up goes on.
Blocks: registry, wakeups; and Prefect's API.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry

from domain.abandoned import Fate, FlowRunSeen, epitaph, fate_of
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import Run, RunState
from tasks.notify import end_run
from tasks.retrying import only_try_again

LOOK_BACK = 500
"""Runs that are looked at; older ones have ended."""

Look = Callable[[Run], Awaitable[FlowRunSeen]]
Again = Callable[[Run], Awaitable[None]]


@task(
    task_run_name="end runs whose flow run is over",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def end_abandoned(registry: Registry, wakeups: Wakeups, now: datetime, look: Look, again: Again) -> Sequence[str]:
    """Return the ids of the runs that were ended or taken up again."""
    done = []
    for run in await registry.runs(limit=LOOK_BACK):
        if run.state.ended or not run.flow_run:
            continue
        seen = await look(run)
        match fate_of(seen, now):
            case Fate.END:
                await end_run.fn(run.id, RunState.FAILED, epitaph(seen), "", registry, wakeups)
                done.append(run.id)
            case Fate.AGAIN:
                await again(run)
                done.append(run.id)
    return done


async def look_at_flow_run(run: Run) -> FlowRunSeen:
    """Ask Prefect for the state of the run's flow run."""
    async with get_client() as client:
        try:
            found = await client.read_flow_run(UUID(run.flow_run))
        except ObjectNotFound:
            return FlowRunSeen(state="unknown", since=run.created)
    if found.state is None or not found.state.is_final():
        return FlowRunSeen(state="open", starts=found.run_count, since=run.created)
    return FlowRunSeen.model_validate(
        {"state": found.state.type.value.lower(), "starts": found.run_count, "since": found.state.timestamp}
    )


async def schedule_again(run: Run) -> None:
    """Let a crashed flow run go on from its last finished step."""
    async with get_client() as client:
        state: State = AwaitingRetry(message="it crashed, and nobody took it up: resumed by the janitor")
        await client.set_flow_run_state(UUID(run.flow_run), state)
