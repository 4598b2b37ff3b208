"""The locked set of libraries works: with newer FastAPI the server dies, with newer SQLAlchemy it schedules nothing."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

from deployments.prefect_server.catalog import Entry, apply
from deployments.prefect_server.pools import ensure_pool
from tests.conftest import PrefectServer
from tests.flows.sample_flows import note
from tests.flows.workers import SAMPLES, until


async def test_five_second_schedule_creates_runs(prefect_api: PrefectServer) -> None:
    pool = f"pool-{uuid4().hex[:8]}"
    await ensure_pool(pool)
    deployment = await apply(Entry(module=SAMPLES, flow="tick", every=timedelta(seconds=5)), pool)
    try:
        assert await until(lambda: _scheduled(deployment), "the schedule made a run")
    finally:
        async with get_client() as client:
            await client.delete_deployment(deployment)


async def _scheduled(deployment: UUID) -> bool:
    async with get_client() as client:
        runs = await client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
    return any(run.auto_scheduled for run in runs)


async def test_twenty_flows_at_once_finish_without_a_locked_database(prefect_api: PrefectServer, tmp_path: Path) -> None:
    before = prefect_api.log.stat().st_size
    texts = [str(number) for number in range(20)]
    assert await asyncio.gather(*(note(str(tmp_path), text) for text in texts)) == texts
    assert sorted((tmp_path / "notes").read_text().split()) == sorted(texts)
    written = prefect_api.log.read_bytes()[before:].decode()
    assert "locked" not in written
    assert "ERROR" not in written
