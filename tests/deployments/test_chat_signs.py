"""Who writes at the same time as others sees a sign before anybody's work begins."""

import asyncio

import pytest

from deployments.chat_signs import FirstSigns
from domain.errors import AnswerLost
from tests.deployments.conftest import eventually


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
