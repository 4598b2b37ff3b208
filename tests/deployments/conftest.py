"""What tests of the entry points share: no settings, and the bot on the Bot API simulator with the real registry."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from blocks.telegram import TelegramChat
from deployments.bot.door import House
from deployments.bot.service import bot_running
from deployments.settings import Settings, variable
from domain.admission import Rules
from domain.releases import ReleaseState
from domain.runs import Run
from tests.fakes.desk import FakeDesk, Hints
from tests.fakes.rates import MemoryRates
from tests.fakes.telegram_api import TOKEN, TelegramApi, telegram_api
from tests.registry_database import lay_registry

ANN, BOB, IVAN = 1001, 1002, 1003


def house(rules: Rules | None = None, rates: MemoryRates | None = None) -> House:
    """Return whom the bot lets in: everybody, without limits, unless the rules say otherwise."""
    return House(rules=rules or Rules(), rates=rates or MemoryRates(), key="k")


Start = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away every setting that this machine's environment or a `.env` would give."""
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def api() -> AsyncIterator[TelegramApi]:
    async with telegram_api(ANN, BOB) as server:
        server.person(IVAN, "ru")
        yield server


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[FakeDesk]:
    url = f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    await lay_registry(url)
    registry = SqlRegistry(url=SecretStr(url), budget_micro_usd=5_000_000)
    async with registry.kept():
        yield FakeDesk(registry, Hints())


@pytest.fixture
def start(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> Start:
    def running(
        *allowed: int, rules: Rules | None = None, rates: MemoryRates | None = None, **more: Any
    ) -> AbstractAsyncContextManager[None]:
        chat = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
        rules = rules or Rules(access="list" if allowed else "open", named=frozenset(allowed))
        return bot_running(desk, chat, tmp_path / "telegram", house(rules, rates), pace=0.01, stopping=0.05, **more)

    return running


@pytest.fixture
async def bot(start: Start) -> AsyncIterator[None]:
    async with start():
        yield


async def eventually(condition: Callable[[], Awaitable[object]], seconds: float = 60.0) -> None:
    """Wait until an asynchronous condition holds, giving way between two looks."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  (the registry has no event to wait for)
            await asyncio.sleep(0.01)


async def begun(api: TelegramApi, desk: FakeDesk, chat: int, text: str) -> Run:
    """Ask for something and wait until its card stands."""
    before = len(await desk.registry.runs())
    await api.say(chat, text)

    async def has_begun() -> bool:
        return len(await desk.registry.runs()) > before

    await eventually(has_begun)  # not by a card's words: one of an earlier run may still say the same
    await api.message(chat, "waiting for its turn" if chat != IVAN else "ждёт своей очереди")
    run = (await desk.registry.runs())[0]

    async def card_is_known() -> object:
        found = await desk.registry.run(run.id)
        return found and found.origin.message and desk.wakeups.listeners(f"slipway:run:{run.id}")

    await eventually(card_is_known)
    return run


async def released(desk: FakeDesk, project: str, times: int) -> None:
    """Let the project have a live release, and those before it kept."""
    registry, now = desk.registry, datetime.now(UTC)
    fence = await registry.next_fence(project)
    for number in range(1, times + 1):
        await registry.add_release(project, f"r-{project[:4]}{number}", "c0ffee", "sha256:1", 1, now, fence=fence)
        await registry.promote(project, number, "127.0.0.1:1", ReleaseState.DRAINING, "replaced", now, fence=fence)
        if number > 1:
            await registry.move_release(project, number - 1, ReleaseState.KEPT, fence=fence)


async def cut_off(
    api: TelegramApi,
    running: AbstractAsyncContextManager[None],
    free: asyncio.Event,
    words: str,
    is_reached: Callable[[], object],
) -> None:
    """Say something to a bot that is stopped while it deals with it."""
    free.clear()
    async with running:
        await api.say(ANN, words)
        await eventually(lambda: asyncio.sleep(0, is_reached()))
    assert api.updates == []  # Telegram was told that we have it
    free.set()
