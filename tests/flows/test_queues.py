"""What keeps apps running never waits for deliveries: a queue of its own, on a real Prefect server with a real worker."""

from pathlib import Path
from uuid import UUID, uuid4

from prefect.client.orchestration import get_client

from deployments.prefect_server.catalog import CATALOG, UPKEEP, WORK, Entry, apply
from deployments.prefect_server.pools import ensure_pool
from tests.conftest import PrefectServer
from tests.flows.workers import SAMPLES, in_state, lines, read, running_worker, start_run

LIMIT = 2


async def deploy(flow: str, pool: str, queue: str) -> UUID:
    return await apply(Entry(module=SAMPLES, flow=flow, queue=queue), pool)


async def test_busy_deliveries_do_not_delay_a_rollback(prefect_api: PrefectServer, tmp_path: Path) -> None:
    home, files, pool = tmp_path / "home", tmp_path / "files", f"pool-{uuid4().hex[:8]}"
    files.mkdir()
    await ensure_pool(pool, LIMIT)
    delivery, rollback = await deploy("long", pool, WORK), await deploy("note", pool, UPKEEP)
    with running_worker(home, pool):
        busy = [await start_run(delivery, folder=str(files)) for _ in range(LIMIT + 1)]
        await lines(files / "pids", LIMIT)

        await in_state(await start_run(rollback, folder=str(files)), "Completed")

        names = [(await read(run)).state.name for run in busy]
        assert (names.count("Running"), names.count("Completed")) == (LIMIT, 0)
        assert len((files / "pids").read_text().split()) == LIMIT
        (files / "go").touch()
        for run in busy:
            await in_state(run, "Completed")


async def test_pool_that_is_there_already_takes_another_limit(prefect_api: PrefectServer) -> None:
    pool = f"pool-{uuid4().hex[:8]}"
    for limit in (2, 5):
        await ensure_pool(pool, limit)
    async with get_client() as client:
        queues = {queue.name: queue for queue in await client.read_work_queues(work_pool_name=pool)}
    assert {name: queue.concurrency_limit for name, queue in queues.items()} == {WORK: 5, UPKEEP: None}
    assert (queues[UPKEEP].priority or 0) < (queues[WORK].priority or 0)


def test_only_deliveries_count() -> None:
    assert {entry.flow for entry in CATALOG if entry.queue == WORK} == {"delivery"}


async def test_the_digest_comes_once_a_day_at_the_hour_that_was_set(prefect_api: PrefectServer) -> None:
    await ensure_pool()
    (entry,) = (entry for entry in CATALOG if entry.daily)
    for hour in (8, 21):
        deployment = await apply(entry, hour=hour)
    async with get_client() as client:
        found = await client.read_deployment(deployment)
    assert [each.schedule.cron for each in found.schedules] == ["0 21 * * *"]  # type: ignore[union-attr]
