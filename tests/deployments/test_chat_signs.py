"""Who writes at the same time as others sees a sign before anybody's work begins, and before any is done for them."""

import asyncio
from pathlib import Path

import pytest

from deployments.bot.chat_signs import FirstSigns
from domain.admission import Rules
from domain.allowances import Limits, Passage
from domain.errors import AnswerLost
from tests.deployments.conftest import ANN, Start, eventually
from tests.fakes.desk import FakeDesk
from tests.fakes.rates import MemoryRates
from tests.fakes.telegram_api import TelegramApi


@pytest.fixture
def order() -> list[str]:
    return []


async def test_work_begins_when_all_that_are_being_given_a_sign_have_one(order: list[str]) -> None:
    signs, held = FirstSigns(seconds=600), asyncio.Event()

    async def sign(name: str) -> None:
        if name == "slow":
            await held.wait()
        order.append(f"sign of {name}")

    async def work(name: str) -> None:
        await signs.give(sign(name))
        order.append(f"work of {name}")

    chats = [asyncio.create_task(work(name)) for name in ("slow", "quick")]
    await eventually(lambda: asyncio.sleep(0, order == ["sign of quick"]))
    held.set()
    await asyncio.gather(*chats)
    assert (order[:2], sorted(order[2:])) == (["sign of quick", "sign of slow"], ["work of quick", "work of slow"])


async def test_sign_that_does_not_come_holds_nobody_back_for_long() -> None:
    signs, never = FirstSigns(seconds=0), asyncio.Event()
    stuck = asyncio.create_task(signs.give(_wait(never)))
    await asyncio.sleep(0)
    await asyncio.wait_for(signs.give(_wait(None)), 60)
    assert not stuck.done()
    never.set()
    await stuck


async def test_sign_that_is_refused_counts_as_given() -> None:
    signs = FirstSigns(seconds=600)

    async def lost() -> None:
        raise AnswerLost("Telegram", "reacting")

    await asyncio.wait_for(signs.give(lost()), 60)
    await asyncio.wait_for(signs.give(_wait(None)), 60)
    assert signs._pending == 0


async def _wait(event: asyncio.Event | None) -> None:
    if event is not None:
        await event.wait()


class HeldRates(MemoryRates):
    """Counts nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()

    async def enter(self, name: str, key: str, most: int, seconds: float) -> Passage:
        await self.free.wait()
        return await super().enter(name, key, most, seconds)


async def test_message_is_seen_before_anything_else_is_done_for_it(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    rates = HeldRates()
    async with start(rules=Rules(usual=Limits(per_minute=9)), rates=rates):
        said = await api.say(ANN, "notes")
        assert await api.until(lambda: said.reaction) == "👀"
        assert desk.proposed == []
        rates.free.set()
        await api.message(ANN, "waiting for its turn")


async def test_who_writes_too_much_is_told_once_and_not_seen_until_heard_again(
    api: TelegramApi, start: Start, tmp_path: Path
) -> None:
    rates, done = MemoryRates(), tmp_path / "telegram" / "done"
    async with start(rules=Rules(usual=Limits(per_minute=1)), rates=rates):
        said = [await api.say(ANN, words) for words in ("notes", "timer", "clock")]
        await eventually(lambda: asyncio.sleep(0, len([*done.iterdir()]) == 3))
        rates.now += 61
        await api.say(ANN, "/help")
        await api.message(ANN, "Write what you want")
        rates.now += 61
        said.append(await api.say(ANN, "calendar"))
        await api.until(lambda: said[3].reaction)
        assert [bool(each.reaction) for each in said] == [True, True, False, True]
