"""What the model gateway adds to a call: the same calls to the scripted Messages API, directly and through it, by turns."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles

import httpx

from blocks.model_gateway import ModelGateway
from blocks.registry.block import SqlRegistry
from blocks.registry.schema import migrate
from deployments.data_folder import DataFolder
from deployments.supervision.ports import free_port
from domain.workers import WorkerSpec
from tests.bench.figures import Section
from tests.fakes.messages_api import Say, ScriptedMessagesAPI, text
from tests.tasks.conftest import NOW, brief, request

KEY, MODEL, RUN = "test-key", "claude-sonnet-5-5", "r-000001"
USUAL, LONG = 4_000, 200_000
"""Characters of a prompt: a first turn's, and one of a long session."""
CHUNKS, EVERY = 100, 0.005
Way = tuple[str, Mapping[str, str]]


def measure(calls: int = 200) -> Section:
    """Make so many calls of each kind each way, the gateway in its own process as it runs in `slipway up`."""
    section = Section(name="gateway", title="The model gateway, added to each call")
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as home, _usual_api() as api:
        asyncio.run(_measured(section, Path(home), api.url, calls))
    section.notes.append("Registry on SQLite. Each call: token, run, reservation, call, settlement; all on this machine.")
    return section


def _usual_api() -> ScriptedMessagesAPI:
    return ScriptedMessagesAPI(lambda asked: Say([text("Well. " * 50)]), key=KEY)


async def _measured(section: Section, home: Path, upstream: str, calls: int) -> None:
    async with _gateway(home, upstream) as through:
        ways = [(upstream, {"x-api-key": KEY}), through]
        for name, size, streamed in (("call", USUAL, False), ("stream", USUAL, True), (f"{LONG // 1000} kB", LONG, True)):
            direct, passed = await _by_turns(ways, size, calls, streamed=streamed)
            _add(section, name, direct, passed)
    async with await asyncio.start_server(_ticking, "127.0.0.1", 0) as ticker:
        address = f"http://127.0.0.1:{ticker.sockets[0].getsockname()[1]}"
        async with _gateway(home, address) as through:
            delays = [await _delays(way) for way in ((address, {"x-api-key": KEY}), through)]
    _add(section, "chunk of a stream, from sent to read", *delays)


def _add(section: Section, name: str, direct: Sequence[float], passed: Sequence[float]) -> None:
    """Add what is seen in the middle and in the slowest twentieth, in milliseconds."""
    (d50, d95), (p50, p95) = _spread(direct), _spread(passed)
    note = f"direct {d50:.2f}, through {p50:.2f} ms; p95 {d95:.2f}, {p95:.2f}"
    section.add(f"{name}: added, p50", "ms", p50 - d50, note=note)
    section.add(f"{name}: added, p95", "ms", p95 - d95)
    section.add(f"{name}: through / direct, p50", "", p50 / d50)


def _spread(seconds: Sequence[float]) -> tuple[float, float]:
    cuts = quantiles(seconds, n=20)
    return cuts[9] * 1000, cuts[18] * 1000


@asynccontextmanager
async def _gateway(home: Path, upstream: str) -> AsyncIterator[Way]:
    """Run the service, and yield its address and a worker's headers."""
    folder, port, mark = DataFolder(home), free_port(), home / "gateway.ready"
    await _fill(folder)
    environment = {**os.environ, "SLIPWAY_HOME": str(home), "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": upstream}
    command = (sys.executable, "-m", "deployments.supervision.alone", "gateway", "process", str(port), str(mark))
    service = await asyncio.create_subprocess_exec(
        *command, env={**environment, "SLIPWAY_BUDGET_USD": "1000"}, stderr=subprocess.DEVNULL
    )
    try:
        while not await asyncio.to_thread(mark.exists):
            assert service.returncode is None, "the gateway did not start"
            await asyncio.sleep(0.05)
        given = ModelGateway(port, folder.gateway_key).environment("127.0.0.1", _spec())
        yield given["ANTHROPIC_BASE_URL"], {"authorization": f"Bearer {given['ANTHROPIC_AUTH_TOKEN']}"}
    finally:
        service.send_signal(signal.SIGTERM)
        await service.wait()
        mark.unlink(missing_ok=True)


async def _fill(folder: DataFolder) -> None:
    if folder.registry.exists():
        return
    folder.prepare()
    registry = SqlRegistry(url=f"sqlite+aiosqlite:///{folder.registry}", budget_micro_usd=0)
    await migrate(registry.url.get_secret_value())
    await registry.add_project(brief(), "local:me", "notes.localhost", NOW)
    await registry.add_run(request(), NOW)
    await registry.close()


def _spec() -> WorkerSpec:
    return WorkerSpec(
        identity="bench", project="notes", run=RUN, role="developer", network="packages", gateway_role="developer"
    )


async def _by_turns(ways: Sequence[Way], size: int, calls: int, *, streamed: bool) -> list[list[float]]:
    """Return seconds from asking to the last byte, for each way."""
    asked = {
        "model": MODEL,
        "max_tokens": 1000,
        "stream": streamed,
        "messages": [{"role": "user", "content": "word " * (size // 5)}],
    }
    found: list[list[float]] = [[] for _ in ways]
    async with httpx.AsyncClient(timeout=30, headers={"anthropic-version": "2023-06-01"}) as http:
        for _ in range(calls):
            for times, (address, headers) in zip(found, ways, strict=True):
                began = time.monotonic()
                answer = await http.post(f"{address}/v1/messages", headers=dict(headers), json=asked)
                times.append(time.monotonic() - began)
                assert answer.status_code == 200, answer.text
    return found


async def _ticking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with chunks that say when they were sent."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    for _ in range(CHUNKS):
        writer.write(f"event: ping\ndata: {time.monotonic()}\n\n".encode())
        await writer.drain()
        await asyncio.sleep(EVERY)
    writer.close()


async def _delays(way: Way) -> list[float]:
    address, headers = way
    asked = {"model": MODEL, "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    delays = []
    async with (
        httpx.AsyncClient(timeout=30, headers={**headers, "anthropic-version": "2023-06-01"}) as http,
        http.stream("POST", f"{address}/v1/messages", json=asked) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                delays.append(time.monotonic() - json.loads(line[6:]))
    return delays
