"""A bot under measurement: the Bot API simulator with a clock, real Redis, the registry, and the bot's own process."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from blocks.registry.schema import migrate
from blocks.wakeups import RedisWakeups
from domain.runs import DeliveryRequest, Origin, Run
from tests.bench.telegram_bot import BUDGET
from tests.blocks.services import redis_server
from tests.fakes.desk import a_brief
from tests.fakes.telegram_api import TelegramApi

PATIENCE = 300.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Call:
    """One call of the bot, when the simulator has done it."""

    at: float
    method: str
    chat: int
    text: str


class TimedApi(TelegramApi):
    """Remembers when it did what the bot asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Call] = []

    async def result(self, method: str, call: dict[str, Any]) -> Any:
        result = await super().result(method, call)
        if method != "getUpdates":
            self.done.append(Call(time.monotonic(), method, int(call.get("chat_id", 0)), str(call.get("text", ""))))
        return result

    async def all_done(self, condition: Callable[[], bool], what: str) -> None:
        """Return when the condition holds; it is looked at now and then, so that looking costs the bot nothing."""
        ends = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > ends:
                raise SystemExit(f"it never came true within {PATIENCE:g} s that {what}")
            await asyncio.sleep(0.02)


@dataclass
class Bot:
    """The bot's surroundings, and its process while there is one."""

    api: TimedApi
    registry: SqlRegistry
    wakeups: RedisWakeups
    redis: int
    """Process id of the Redis server."""
    words: Sequence[str]
    process: "asyncio.subprocess.Process | None" = None
    runs: list[Run] = field(default_factory=list)

    async def start(self) -> None:
        """Start the process and return when it has said who it is."""
        before = len(self.api.calls)
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench.telegram_bot", *self.words)
        await self.api.all_done(lambda: "getUpdates" in [method for method, _ in self.api.calls[before:]], "the bot polls")

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        self.process = None

    def memory(self) -> tuple[float, float]:
        """Return the resident sets of the bot and of Redis, in KiB."""
        assert self.process is not None
        return (psutil.Process(self.process.pid).memory_info().rss / 1024, psutil.Process(self.redis).memory_info().rss / 1024)

    def cpu(self) -> float:
        """Return the seconds of processor that the bot has used."""
        assert self.process is not None
        used = psutil.Process(self.process.pid).cpu_times()
        return used.user + used.system

    async def begin(self, chat: int) -> Run:
        """Let a run of this person wait in the queue; the bot follows it from the person's next turn on."""
        number, now = len(self.runs) + 1, datetime.now(UTC)
        brief = a_brief(f"bench-{number}", f"bench {number}")
        origin = Origin(channel="telegram", chat=str(chat), person=f"telegram:{chat}")
        await self.registry.add_project(brief, origin.person, f"{brief.slug}.localhost", now)
        request = DeliveryRequest(run=f"r-{number:010x}", project=brief.slug, request="bench", brief=brief, origin=origin)
        self.runs.append(await self.registry.add_run(request, now))
        return self.runs[-1]

    async def show_cards(self, *chats: int) -> None:
        """Return when each of these people, who have a run that goes on, sees its card."""
        for chat in chats:
            await self.api.say(chat, "how is it going")
        await self.api.all_done(
            lambda: all(any(message.buttons for message in self.api.messages(chat)) for chat in chats), "each run has a card"
        )


@asynccontextmanager
async def bot_on_stand() -> AsyncIterator[Bot]:
    """Yield the surroundings of a bot that is not started yet; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-", dir="/tmp") as name, redis_server() as redis:
        folder = Path(name)
        url = f"sqlite+aiosqlite:///{folder}/registry.db"
        await migrate(url)
        registry = SqlRegistry(url=SecretStr(url), budget_micro_usd=BUDGET)
        async with TimedApi() as api:
            words = (api.url, url, redis.url, str(folder / "telegram"))
            bot = Bot(api, registry, RedisWakeups(url=SecretStr(redis.url)), redis.process.pid, words)
            try:
                yield bot
            finally:
                await bot.stop()
                await registry.close()
