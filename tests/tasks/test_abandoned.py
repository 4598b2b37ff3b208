"""Runs whose flow run is over: by a table of what Prefect says, and once with a real server's word."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Crashed, Failed, Suspended

from blocks.registry.block import SqlRegistry
from domain.abandoned import PATIENCE, STARTS, FlowRunSeen
from domain.runs import Run, RunState
from tasks.abandoned import end_abandoned, look_at_flow_run, schedule_again
from tests.conftest import PrefectServer
from tests.fakes.desk import Hints
from tests.flows.workers import deploy, in_state, start_run
from tests.tasks.conftest import NOW

LATER = NOW + PATIENCE


class Prefect:
    """Says the same of every run, and notes what it is asked to start again."""

    def __init__(self, **seen: Any) -> None:
        self._seen = FlowRunSeen(**{"since": NOW, "starts": 1} | seen)
        self.resumed: list[str] = []

    async def look(self, _: Run) -> FlowRunSeen:
        return self._seen

    async def again(self, run: Run) -> None:
        self.resumed.append(run.id)


async def state_of(registry: SqlRegistry) -> tuple[RunState, str]:
    run = await registry.run("r-000001")
    assert run is not None
    return run.state, run.message


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING, RunState.WAITING])
async def test_run_whose_flow_run_failed_ends_and_its_person_is_told_once(registry: SqlRegistry, state: RunState) -> None:
    await registry.update_run("r-000001", state=state, flow_run="f")
    prefect = Prefect(state="failed")
    assert await end_abandoned.fn(registry, Hints(), LATER, prefect.look, prefect.again) == ["r-000001"]
    ended, message = await state_of(registry)
    assert (ended, "send the request again" in message) == (RunState.FAILED, True)
    assert await end_abandoned.fn(registry, Hints(), LATER, prefect.look, prefect.again) == []
    assert [told.run for told in await registry.unsent("cli")] == ["r-000001"]


async def test_run_that_killed_its_process_too_often_ends(registry: SqlRegistry) -> None:
    await registry.update_run("r-000001", state=RunState.RUNNING, flow_run="f")
    prefect = Prefect(state="crashed", starts=STARTS)
    assert await end_abandoned.fn(registry, Hints(), LATER, prefect.look, prefect.again) == ["r-000001"]
    assert prefect.resumed == []
    assert (await state_of(registry))[1].startswith(f"its process died {STARTS} times")


async def test_run_that_crashed_and_was_not_heard_goes_on(registry: SqlRegistry) -> None:
    await registry.update_run("r-000001", state=RunState.RUNNING, flow_run="f")
    prefect = Prefect(state="crashed")
    assert await end_abandoned.fn(registry, Hints(), NOW, prefect.look, prefect.again) == []
    assert await end_abandoned.fn(registry, Hints(), LATER, prefect.look, prefect.again) == ["r-000001"]
    assert prefect.resumed == ["r-000001"]
    assert (await state_of(registry))[0] is RunState.RUNNING


async def test_run_that_waits_or_was_never_handed_over_is_left(registry: SqlRegistry) -> None:
    prefect = Prefect(state="failed")
    assert await end_abandoned.fn(registry, Hints(), LATER, prefect.look, prefect.again) == []
    await registry.update_run("r-000001", state=RunState.WAITING, flow_run="f")
    prefect = Prefect(state="open")
    assert await end_abandoned.fn(registry, Hints(), LATER + timedelta(days=6), prefect.look, prefect.again) == []


async def test_a_real_server_tells_the_states_apart(prefect_api: PrefectServer, registry: SqlRegistry) -> None:
    deployment = await deploy("note", "pool-abandoned")
    flow_run = await start_run(deployment, folder="/nowhere")
    run = await registry.update_run("r-000001", state=RunState.RUNNING, flow_run=str(flow_run))
    assert (await look_at_flow_run(run)).state == "open"
    async with get_client() as client:
        for state, seen in ((Suspended(), "open"), (Failed(), "failed"), (Crashed(), "crashed")):
            await client.set_flow_run_state(flow_run, state, force=True)
            assert (await look_at_flow_run(run)).state == seen
    found = await look_at_flow_run(run)
    assert abs(datetime.now(UTC) - found.since) < PATIENCE
    await schedule_again(run)
    await in_state(flow_run, "AwaitingRetry")
    gone = run.model_copy(update={"flow_run": "00000000-0000-4000-8000-000000000000"})
    assert (await look_at_flow_run(gone)).state == "unknown"
