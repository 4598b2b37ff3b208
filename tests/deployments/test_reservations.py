"""Names of new projects: whose they are when two want one, or when a process is killed in between."""

from datetime import UTC, datetime

import pytest

from deployments.desk.requests import run_id
from deployments.desk.reservations import reserve
from domain.errors import BadInput
from domain.proposals import Proposal
from domain.runs import DeliveryRequest, Origin, RunState
from tests.fakes.desk import FakeDesk, a_brief

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


async def proposed(desk: FakeDesk, key: str) -> Proposal:
    """Store the run of a proposal, as is done before its name is reserved."""
    brief, origin = a_brief("timer", "Tea timer"), Origin(channel="cli", person="ann")
    request = DeliveryRequest(run=run_id(key), project="timer", change=False, request="a timer", brief=brief, origin=origin)
    await desk.registry.add_run(request, NOON)
    return Proposal(run=request.run, brief=brief, change=False, request="a timer", origin=origin)


async def test_name_is_reserved_once_for_its_run(desk: FakeDesk) -> None:
    proposal = await proposed(desk, "a")
    for _ in range(2):
        await reserve(proposal, "ann", "timer.localhost", NOON, desk.registry)
    [project] = await desk.registry.projects()
    assert (project.slug, project.owner, project.created) == ("timer", "ann", NOON)


async def test_run_whose_name_somebody_took_meanwhile_has_failed(desk: FakeDesk) -> None:
    await desk.registry.add_project(a_brief("timer", "Tea timer"), "bob", "timer.localhost", NOON.replace(hour=11))
    proposal = await proposed(desk, "a")
    with pytest.raises(BadInput):
        await reserve(proposal, "ann", "timer.localhost", NOON, desk.registry)
    run = await desk.registry.run(proposal.run)
    assert run
    assert run.state is RunState.FAILED
