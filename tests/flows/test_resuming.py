"""Suspended flow runs go on by the answer to what they ask, and by nothing else, on a real Prefect server."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.input.run_input import keyset_from_paused_state
from prefect.states import Cancelled, Running, Suspended

from domain.diagnoses import diagnose
from domain.outcomes import Escalated
from tasks.questions import form, question_key
from tasks.resuming import Resumption, resume
from tests.conftest import PrefectServer

pytestmark = pytest.mark.usefixtures("prefect_api")

KEY = question_key(1)
ANSWER: dict[str, Any] = {"choice": "more_rounds", "text": "", "rounds": 2}


@flow
def waits() -> None:
    """Be the flow of the runs of these tests; nobody executes it."""


async def suspended(*, with_form: bool = True) -> UUID:
    """Make a flow run as `asuspend_flow_run` leaves it; without its form, as a kill between its two steps does."""
    state = Suspended(pause_key=KEY)
    state.state_details.run_input_keyset = keyset_from_paused_state(state)
    diagnosis = diagnose(Escalated(reason="it stands still", cause="stuck", rounds=2))
    assert diagnosis is not None
    async with get_client() as client:
        deployment = await client.create_deployment(flow_id=await client.create_flow(waits), name=f"waits-{uuid4()}")
        run = await client.create_flow_run_from_deployment(deployment)
        await client.set_flow_run_state(run.id, Running(), force=True)
        await client.set_flow_run_state(run.id, state, force=True)
        if with_form:
            schema = orjson.dumps(form(diagnosis).model_json_schema()).decode()
            await client.create_flow_run_input(run.id, f"suspended-{KEY}-schema", schema)
    return run.id


async def read(run: UUID) -> tuple[FlowRun, Any]:
    async with get_client() as client:
        given = await client.read_flow_run_input(run, f"suspended-{KEY}-response")
        return await client.read_flow_run(run), orjson.loads(given)


async def test_an_answer_schedules_the_run_again_and_a_second_one_changes_nothing(prefect_api: PrefectServer) -> None:
    run = await suspended()
    assert await resume(str(run), KEY, ANSWER) is Resumption.RESUMED
    assert await resume(str(run), KEY, {**ANSWER, "rounds": 9}) is Resumption.NOT_WAITING
    found, given = await read(run)
    assert found.state is not None
    assert found.state.is_scheduled()
    assert given == ANSWER


async def test_a_run_that_was_killed_while_it_was_suspended_goes_on_all_the_same(prefect_api: PrefectServer) -> None:
    run = await suspended(with_form=False)
    assert await resume(str(run), KEY, ANSWER) is Resumption.RESUMED
    found, given = await read(run)
    assert found.state is not None
    assert found.state.is_scheduled()
    assert given == ANSWER


async def test_the_answer_to_another_question_resumes_nothing(prefect_api: PrefectServer) -> None:
    run = await suspended()
    assert await resume(str(run), question_key(2), ANSWER) is Resumption.NOT_WAITING
    async with get_client() as client:
        assert (await client.read_flow_run(run)).state_name == "Suspended"


async def test_a_run_that_prefect_ended_or_does_not_know_is_over(prefect_api: PrefectServer) -> None:
    run = await suspended()
    async with get_client() as client:
        await client.set_flow_run_state(run, Cancelled(), force=True)
    assert await resume(str(run), KEY, ANSWER) is Resumption.OVER
    assert await resume(str(uuid4()), KEY, ANSWER) is Resumption.OVER
