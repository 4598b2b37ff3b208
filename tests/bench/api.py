"""The HTTP API's main reads at 50 connections with keys, and events to 500 listeners, beside bare FastAPI routes."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
from pydantic import SecretStr

from blocks.redis_client import redis_kept
from blocks.wakeups import RedisWakeups
from tasks.progress import Journal
from tests.bench.figures import Section
from tests.bench.listeners import EVENTS, LISTENERS, RUN, add, tell
from tests.bench.telegram import percentile
from tests.blocks.services import redis_server
from tests.deployments.api_bench import Api, api_in

CONNECTIONS = 50
READS = ("/v1/me", "/v1/projects", "/v1/projects/notes", "/v1/runs", "/v1/runs/r-notes000000", "/v1/projects/notes/releases")


def measure(seconds: float = 5.0, connections: int = CONNECTIONS, listeners: int = LISTENERS, events: int = EVENTS) -> Section:
    """Ask each for so long; servers are processes of their own, with the real Redis and the registry on SQLite."""
    section = Section(name="api", title=f"The HTTP API, {connections} connections")
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as home, redis_server() as redis:
        asyncio.run(_measured(section, Path(home), redis.url, seconds, connections, listeners, events))
    section.notes.append("One process each, and who asks on the same processors. The registry holds 20 projects of one owner.")
    return section


async def _measured(
    section: Section, home: Path, redis: str, seconds: float, connections: int, listeners: int, events: int
) -> None:
    async with api_in(home) as api:
        key = await _fill(api)
        async with _server("bare", home, redis) as (port, _):
            bare = await _asked(port, "/", key, seconds, connections)
        base = _add(section, "a bare FastAPI route", bare, seconds)
        async with _server("api", home, redis) as (port, _):
            for path in READS:
                rate = _add(section, path, await _asked(port, path, key, seconds, connections), seconds)
                section.add(f"{path}: bare / this", "", base / rate)
        await _told(section, home, redis, api, key, listeners, events)


async def _told(section: Section, home: Path, redis: str, api: Api, key: str, listeners: int, events: int) -> None:
    """Tell as many the same, by a bare route and by a run's progress: from what is written down to what is heard."""
    async with _server("bare", home, redis) as (port, process), httpx.AsyncClient() as client:

        async def shout(text: str) -> None:
            await client.get(f"http://127.0.0.1:{port}/say/{text}")

        bare = await tell(port, process, "/events", key, shout, listeners, events)
    async with _server("api", home, redis) as (port, process), redis_kept(redis):
        write = partial(Journal(RUN, api.registry, RedisWakeups(url=SecretStr(redis))).write, "note")
        told = await tell(port, process, f"/v1/runs/{RUN}/events", key, write, listeners, events)
    least = add(section, f"events to {listeners}, a bare FastAPI route", bare)
    section.add("this / bare", "", add(section, f"events to {listeners} listeners of a run", told) / least)


async def _fill(api: Api) -> str:
    for number in range(19):
        await api.project(f"app-{number}")
    await api.project("notes")
    return await api.key()


def _add(section: Section, name: str, answered: list[float], seconds: float) -> float:
    rate = len(answered) / seconds
    section.add(f"{name}: answers", "/s", rate)
    section.add(f"{name}: p99", "ms", percentile(answered, 99) * 1000)
    return rate


@asynccontextmanager
async def _server(kind: str, home: Path, redis: str) -> AsyncIterator[tuple[int, int]]:
    """Yield port and process id."""
    mark = home / f"{kind}.port"
    words = (sys.executable, "-m", "tests.bench.api_server", kind, str(home), redis)
    process = await asyncio.create_subprocess_exec(*words, stderr=subprocess.DEVNULL)
    try:
        while not await asyncio.to_thread(mark.exists):
            if process.returncode is not None:
                raise SystemExit(f"the server of {kind} did not start")
            await asyncio.sleep(0.05)
        yield int(mark.read_text()), process.pid
    finally:
        process.terminate()
        await process.wait()
        mark.unlink(missing_ok=True)


async def _asked(port: int, path: str, key: str, seconds: float, connections: int) -> list[float]:
    """Return how long each answer took, in seconds; each connection asks again as soon as it was answered."""
    head = f"GET {path} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    ends = time.monotonic() + seconds
    answered: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.monotonic()) < ends:
            writer.write(head)
            said = await reader.readuntil(b"\r\n\r\n")
            if not said.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"{path} was answered: {said.decode()}")
            await reader.readexactly(int(said.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            answered.append(time.monotonic() - began)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one())
    return answered
