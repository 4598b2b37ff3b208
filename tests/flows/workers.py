"""Start real workers for tests, deploy sample flows to a pool of their own, and wait for what must come true."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

from deployments.data_folder import DataFolder
from deployments.prefect_server.catalog import Entry, apply
from deployments.prefect_server.pools import ensure_pool

SAMPLES = "tests.flows.sample_flows"
PATIENCE = 150.0
"""Seconds for a loaded machine; nothing waits for them when all is well."""


async def until(condition: Callable[[], Awaitable[Any]], what: str, seconds: float = PATIENCE) -> Any:
    """Return the first true answer; fail by name when none came in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := await condition():
            return answer
        await asyncio.sleep(0.25)
    raise AssertionError(f"after {seconds:.0f} s still not: {what}")


async def deploy(flow: str, pool: str) -> UUID:
    await ensure_pool(pool)
    return await apply(Entry(module=SAMPLES, flow=flow), pool)


async def start_run(deployment: UUID, **parameters: Any) -> UUID:
    async with get_client() as client:
        return (await client.create_flow_run_from_deployment(deployment, parameters=parameters)).id


async def read(run: UUID) -> FlowRun:
    async with get_client() as client:
        return await client.read_flow_run(run)


async def in_state(run: UUID, *names: str, seconds: float = PATIENCE) -> FlowRun:
    """Return the run as soon as its state has one of the names."""

    async def there() -> FlowRun | None:
        found = await read(run)
        return found if found.state is not None and found.state.name in names else None

    return await until(there, f"run {run} is {' or '.join(names)}", seconds)


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


async def lines(file: Path, count: int, seconds: float = PATIENCE) -> list[str]:
    """Return the file's lines once there are so many."""

    async def there() -> list[str] | None:
        found = lines_of(file)
        return found if len(found) >= count else None

    return await until(there, f"{file.name} has {count} lines", seconds)


@contextmanager
def running_worker(home: Path, pool: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker process and end it for certain; its log is `home/worker.log`."""
    DataFolder(home).prepare()
    code = (
        "import asyncio; from deployments.settings import load_settings; from deployments.runner.worker import work; "
        f"asyncio.run(work(load_settings(home={str(home)!r}), pool={pool!r}))"
    )
    environment = {"PREFECT_WORKER_QUERY_SECONDS": "0.5"}
    with (home / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **environment}
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(60)
