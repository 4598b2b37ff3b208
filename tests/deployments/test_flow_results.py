"""Waiting for a rollback: a run whose process died goes on, so it is waited for."""

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Crashed, Running

from deployments.prefect_server.flow_results import result_of
from domain.abandoned import STARTS
from domain.errors import Broken, ServiceUnreachable
from tests.conftest import PrefectServer


@flow
async def killed() -> None:
    """Never run here: its flow run is what a killed process leaves."""


async def crashed_after(starts: int) -> str:
    async with get_client() as client:
        run = await client.create_flow_run(killed)
        for _ in range(starts):
            await client.set_flow_run_state(run.id, Running(), force=True)
        await client.set_flow_run_state(run.id, Crashed(message="status code -9"), force=True)
    return str(run.id)


async def test_run_whose_process_died_has_not_failed(prefect_api: PrefectServer) -> None:
    with pytest.raises(ServiceUnreachable, match="did not end"):
        await result_of(await crashed_after(1), seconds=0.5)


async def test_run_that_was_started_too_often_has_failed(prefect_api: PrefectServer) -> None:
    with pytest.raises(Broken, match="status code -9"):
        await result_of(await crashed_after(STARTS), seconds=60)
