"""Notifications on real Redis: a hint that was lost costs seconds at most, and a killed sender's successor sends each once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.redis_client import redis_client
from blocks.registry.block import SqlRegistry
from blocks.telegram import TelegramChat
from blocks.wakeups import RedisWakeups
from deployments.bot.asks import Asks
from deployments.bot.outbox import Outbox
from deployments.bot.sendings import Sendings
from domain.protocols import Chat
from domain.runs import Notification
from tasks.notify import OUTBOX
from tests.blocks.services import RedisServer, redis_server
from tests.deployments.conftest import ANN, eventually
from tests.deployments.test_bot_killed import bot_process
from tests.deployments.test_outbox import Paper
from tests.fakes.telegram_api import TOKEN, telegram_api
from tests.registry_database import lay_registry

NEVER = 3600.0
"""Seconds between two sweeps where none is to help."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def wakeups(server: RedisServer) -> RedisWakeups:
    return RedisWakeups(url=SecretStr(server.url))


@pytest.fixture
async def url(tmp_path: Path) -> str:
    url = f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    await lay_registry(url)
    return url


@pytest.fixture
async def registry(url: str) -> AsyncIterator[SqlRegistry]:
    block = SqlRegistry(url=SecretStr(url), budget_micro_usd=1)
    yield block
    await block.close()


@asynccontextmanager
async def sending(chat: Chat, registry: SqlRegistry, wakeups: RedisWakeups, folder: Path, sweep: float) -> AsyncIterator[None]:
    outbox = Outbox(chat, registry, wakeups, Asks(folder / "asks"), Sendings(folder / "sendings"), sweep=sweep)
    task = asyncio.create_task(outbox.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def news(key: str, chat: int = ANN) -> Notification:
    return Notification(key=key, channel="telegram", chat=str(chat), text=f"news {key}.", created=datetime.now(UTC))


async def listeners(server: RedisServer) -> int:
    async with redis_client(server.url) as redis:
        return int((await redis.pubsub_numsub(OUTBOX))[0][1])


async def told(paper: Paper, *texts: str) -> None:
    await eventually(lambda: asyncio.sleep(0, len(paper.sent) >= len(texts)))
    assert [html for _, html in paper.sent] == list(texts)


async def test_hint_that_nobody_heard_is_made_good_at_the_subscription(
    registry: SqlRegistry, wakeups: RedisWakeups, tmp_path: Path
) -> None:
    await registry.add_notification(news("a"))
    await wakeups.publish(OUTBOX, "a")
    paper = Paper()
    async with sending(paper, registry, wakeups, tmp_path, NEVER):
        await told(paper, "news a.")


async def test_hint_lost_while_the_connection_was_cut_is_made_good_at_the_next_subscription(
    registry: SqlRegistry, wakeups: RedisWakeups, server: RedisServer, tmp_path: Path
) -> None:
    paper = Paper()
    async with sending(paper, registry, wakeups, tmp_path, NEVER):
        await eventually(lambda: listeners(server))
        await registry.add_notification(news("a"))
        await wakeups.publish(OUTBOX, "a")
        await told(paper, "news a.")
        async with redis_client(server.url) as redis:
            await redis.client_kill_filter(_type="pubsub")
        await registry.add_notification(news("b"))  # nobody publishes: that hint was lost with the connection
        await told(paper, "news a.", "news b.")
        await eventually(lambda: listeners(server))


async def test_hint_that_was_never_published_is_made_good_by_the_sweep(
    registry: SqlRegistry, wakeups: RedisWakeups, server: RedisServer, tmp_path: Path
) -> None:
    paper = Paper()
    async with sending(paper, registry, wakeups, tmp_path, 0.05):
        await eventually(lambda: listeners(server))
        await registry.add_notification(news("a"))
        await told(paper, "news a.")


async def test_successor_of_a_killed_sender_sends_each_once(
    registry: SqlRegistry, url: str, server: RedisServer, tmp_path: Path
) -> None:
    keys = [f"k{number}" for number in range(20)]
    async with telegram_api(*range(ANN, ANN + len(keys))) as api:
        words = (api.url, url, str(tmp_path / "telegram"), server.url)
        async with bot_process(*words):
            await eventually(lambda: listeners(server))
            for place, key in enumerate(keys[:10]):
                await registry.add_notification(news(key, ANN + place))
            await RedisWakeups(url=SecretStr(server.url)).publish(OUTBOX, keys[0])
            await api.until(lambda: any(api.messages(person) for person in api.people))
        for place, key in enumerate(keys[10:], start=10):
            await registry.add_notification(news(key, ANN + place))
        chat = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
        async with sending(chat, registry, RedisWakeups(url=SecretStr(server.url)), tmp_path / "telegram", NEVER):
            await eventually(lambda: _none_waits(registry))
        await chat.aclose()
        texts = [[message.text for message in api.messages(person) if "news" in message.text] for person in api.people]
    for key, each in zip(keys, texts, strict=True):
        loud, doubted = [t for t in each if t == f"news {key}."], [t for t in each if t.startswith("Perhaps you have this")]
        assert (len(each), len(loud) <= 1, len(doubted) <= 1) == (len(loud) + len(doubted), True, True), each
        assert each, key
    assert [each for each in texts[10:] if len(each) > 1] == []  # written after the kill: in no doubt at all


async def _none_waits(registry: SqlRegistry) -> bool:
    return not await registry.unsent("telegram")
