"""What `tests.bench.api` asks, each in a process of its own: the API as it is served, or one bare FastAPI route."""

import asyncio
import socket
import sys
from pathlib import Path

from fastapi import FastAPI
from pydantic import SecretStr

from blocks.redis_counters import RedisCounters
from blocks.registry import SqlRegistry
from deployments.allowances import Allowances
from deployments.api.access import House
from deployments.api.application import application
from deployments.api.serving import server_of, until_ended
from tests.deployments.api_bench import PEPPER, ApiDesk

RATE = 100_000_000


def bare() -> FastAPI:
    """Return the least that FastAPI can answer."""
    app = FastAPI()

    @app.get("/")
    async def answer() -> dict[str, str]:
        return {"message": "it answers"}

    return app


async def serve(kind: str, folder: Path, redis: str) -> None:
    """Say the port in a file, and answer until SIGTERM."""
    registry = SqlRegistry(url=SecretStr(f"sqlite+aiosqlite:///{folder}/registry.db"), budget_micro_usd=5_000_000)
    desk, counters = ApiDesk(registry), RedisCounters(SecretStr(redis))
    allowances = Allowances(registry, desk.wakeups)
    house = House(desk=desk, registry=registry, counters=counters, pepper=PEPPER, allowances=allowances)  # type: ignore[arg-type]
    app = bare() if kind == "bare" else application(house, RATE)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        mark = folder / f"{kind}.port"
        mark.with_suffix(".new").write_text(str(listener.getsockname()[1]))
        mark.with_suffix(".new").rename(mark)
        async with registry.kept():
            await until_ended(server_of(app, None), listener)
    await counters.close()
    await registry.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
