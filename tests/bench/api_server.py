"""What `tests.bench.api` asks, each in a process of its own: the API as it is served, or one bare FastAPI route."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import SecretStr

from blocks.redis_client import redis_kept
from blocks.redis_counters import RedisCounters
from blocks.registry.block import SqlRegistry
from blocks.wakeups import RedisWakeups
from deployments.api.access import House
from deployments.api.application import application
from deployments.api.broadcasts import Broadcasts
from deployments.api.serving import server_of, until_ended
from deployments.desk.allowances import Allowances
from tests.deployments.api_bench import PEPPER, ApiDesk

RATE, STREAMS = 100_000_000, 1000


def bare() -> FastAPI:
    """Return the least that FastAPI can answer."""
    app = FastAPI()

    @app.get("/")
    async def answer() -> dict[str, str]:
        return {"message": "it answers"}

    @app.get("/events")
    async def follow() -> StreamingResponse:
        return StreamingResponse(listen(), media_type="text/event-stream")

    @app.get("/say/{text}")
    async def say(text: str) -> None:
        for queue in listening:
            queue.put_nowait(text)

    listening: list[asyncio.Queue[str]] = []

    async def listen() -> AsyncIterator[str]:
        listening.append(asyncio.Queue())
        said, text = listening[-1], "ready"
        while True:
            yield f'data: {{"text":"{text}"}}\n\n'
            text = await said.get()

    return app


async def serve(kind: str, folder: Path, redis: str) -> None:
    """Say the port in a file, and answer until SIGTERM."""
    registry = SqlRegistry(url=SecretStr(f"sqlite+aiosqlite:///{folder}/registry.db"), budget_micro_usd=5_000_000)
    desk, counters = ApiDesk(registry), RedisCounters(SecretStr(redis))
    allowances = Allowances(registry, desk.wakeups)
    desk.wakeups = RedisWakeups(url=SecretStr(redis))  # type: ignore[assignment]
    house = House(
        desk=desk,  # type: ignore[arg-type]
        registry=registry,
        counters=counters,
        rate=RATE,
        broadcasts=Broadcasts(2 * STREAMS),
        pepper=PEPPER,
        allowances=allowances,
    )
    app = bare() if kind == "bare" else application(house)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        mark = folder / f"{kind}.port"
        mark.with_suffix(".new").write_text(str(listener.getsockname()[1]))
        mark.with_suffix(".new").rename(mark)
        async with registry.kept(), redis_kept(redis):
            await until_ended(server_of(app, None, 3 * STREAMS), listener)
    await registry.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
