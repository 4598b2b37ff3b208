"""The janitor's part that needs no engine: requests whose process died before they were handed over."""

from datetime import UTC, datetime, timedelta

import pytest

from blocks.registry.block import SqlRegistry
from domain.runs import HAND_OVER_PATIENCE, NEVER_HANDED_OVER, WAITED_TOO_LONG, WAITING_PATIENCE, RunState
from domain.usage import Cost, TokenUsage
from tasks.janitor import CALL_PATIENCE, close_reservations, end_forgotten
from tests.fakes.desk import Hints
from tests.tasks.conftest import NOW, request

LATER = NOW + HAND_OVER_PATIENCE + timedelta(seconds=1)


async def test_request_that_was_never_handed_over_fails_and_frees_its_name(registry: SqlRegistry) -> None:
    assert await end_forgotten.fn(registry, Hints(), LATER) == ["r-000001"]
    run = await registry.run("r-000001")
    assert run is not None
    assert (run.state, run.message) == (RunState.FAILED, NEVER_HANDED_OVER)
    assert await registry.project("notes") is None
    assert [told.run for told in await registry.unsent("cli")] == ["r-000001"]
    assert await end_forgotten.fn(registry, Hints(), LATER) == []


@pytest.mark.parametrize("flow_run", ["", "a-flow-run"])
async def test_young_or_handed_over_request_is_left_alone(registry: SqlRegistry, flow_run: str) -> None:
    await registry.update_run("r-000001", flow_run=flow_run)
    assert await end_forgotten.fn(registry, Hints(), LATER if flow_run else NOW) == []
    assert await registry.project("notes") is not None


async def test_project_with_another_run_keeps_its_name(registry: SqlRegistry) -> None:
    await registry.add_run(request("r-000002", change=True), LATER)
    assert await end_forgotten.fn(registry, Hints(), LATER) == ["r-000001"]
    assert await registry.project("notes") is not None


async def test_run_that_waited_longer_than_prefect_waits_is_ended_and_its_person_told(registry: SqlRegistry) -> None:
    await registry.update_run("r-000001", state=RunState.WAITING, flow_run="a-flow-run", waits_for=["API_TOKEN"])
    assert await end_forgotten.fn(registry, Hints(), NOW + timedelta(days=7)) == []
    assert await end_forgotten.fn(registry, Hints(), NOW + WAITING_PATIENCE + timedelta(hours=1)) == ["r-000001"]
    run = await registry.run("r-000001")
    assert run is not None
    assert (run.state, run.message) == (RunState.FAILED, WAITED_TOO_LONG)


async def test_what_a_killed_process_left_reserved_is_booked_at_its_worst_when_its_run_has_ended(registry: SqlRegistry) -> None:
    await registry.add_run(request("r-000002"), NOW)
    await registry.update_run("r-000002", state=RunState.FAILED, ended=NOW)
    for run in ("r-000001", "r-000002"):
        await registry.reserve(f"{run}/developer/gateway/1", "notes", run, "developer", "claude-sonnet-5-5", 400)
    now = datetime.now(UTC)
    assert await close_reservations.fn(registry, now + CALL_PATIENCE - timedelta(minutes=1)) == []
    assert await close_reservations.fn(registry, now + CALL_PATIENCE + timedelta(minutes=1)) == ["r-000002/developer/gateway/1"]
    assert await registry.cost("notes") == Cost(calls=1, micro_usd=400, reserved_micro_usd=400)
    await registry.settle("r-000002/developer/gateway/1", TokenUsage(input=1), 5)
    assert (await registry.cost(run="r-000002")).micro_usd == 400  # the first settlement stands
