"""The dialogue without a messenger: who leads a session when turns are cancelled, or break off, at a bad moment."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from telegram import Update

from blocks.registry import SqlRegistry
from blocks.telegram import TelegramChat
from deployments.bot_messages import Said
from deployments.dialogue import Dialogue
from deployments.inbox import Inbox
from deployments.live_cards import LiveCards
from deployments.sendings import Sendings
from domain.deeds import Deeds
from domain.errors import ModelOverloaded, ServiceUnreachable
from domain.proposals import Answered, Reply
from domain.runs import Notification
from tasks.dialogue import Turn
from tests.deployments.conftest import ANN, eventually
from tests.fakes.desk import FakeDesk, Hints
from tests.fakes.talks import MemoryTalks

NAME = f"telegram:{ANN}"


class Away:
    """A registry that goes away when something is to be told."""

    def __init__(self, registry: SqlRegistry) -> None:
        self._registry = registry
        self.refused: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def add_notification(self, notification: Notification) -> None:
        self.refused.append(notification.key)
        raise ServiceUnreachable("the registry", "storing a notification")


class Stillness:
    """A chat in which nobody is seen typing."""

    def typing(self, chat: str) -> "asyncio.Task[None]":
        return asyncio.create_task(asyncio.sleep(0), name=f"typing in {chat}")


def said(update: int) -> Said:
    return Said(update=update, chat=str(ANN), person=NAME, user=ANN, language="en", message="1", text="")


async def as_it_is(update: Update) -> Update:
    return update


@pytest.fixture
def talks(desk: FakeDesk) -> MemoryTalks:
    talks = MemoryTalks()

    async def answer(turn: Turn, _: Deeds) -> Answered:
        waiting = await talks.waiting(turn.name, turn.epoch)
        return Answered(reply=Reply(text=f"heard {waiting[-1].text}"), upto=waiting[-1].sequence)

    desk.talking = answer
    return talks


@pytest.fixture
async def dialogue(desk: FakeDesk, talks: MemoryTalks, tmp_path: Path) -> AsyncIterator[Dialogue]:
    chat = TelegramChat(token=SecretStr("42:token"), api_url="http://127.0.0.1:1")
    cards = LiveCards(chat, desk.registry, desk.wakeups, Sendings(tmp_path / "sendings"))
    leading = Dialogue(desk, talks, Inbox(tmp_path / "inbox", as_it_is), cards, Stillness())
    yield leading
    await leading.aclose()
    await chat.aclose()


async def told(desk: FakeDesk, words: str) -> bool:
    return any(words in notification.text for notification in await desk.registry.unsent("telegram"))


async def test_turn_that_is_cancelled_before_its_first_step_keeps_no_later_one_from_being_led(
    desk: FakeDesk, dialogue: Dialogue
) -> None:
    await dialogue.hear(said(1), "one")
    assert await dialogue.cancel(said(2))
    await dialogue.hear(said(3), "two")
    await eventually(lambda: told(desk, "heard two"))
    assert not await told(desk, "heard one")


async def test_message_that_comes_while_a_failure_is_told_is_answered(
    desk: FakeDesk, talks: MemoryTalks, dialogue: Dialogue
) -> None:
    class Meanwhile(Hints):
        async def publish(self, channel: str, text: str) -> None:
            if not talks.reachable:
                talks.reachable = True
                await dialogue.hear(said(2), "two")

    desk.wakeups = Meanwhile()
    await dialogue.hear(said(1), "one")
    talks.reachable = False  # before its turn is taken
    await eventually(lambda: told(desk, "heard two"))


async def test_failure_that_cannot_even_be_told_says_nothing_against_the_session(
    desk: FakeDesk, talks: MemoryTalks, dialogue: Dialogue
) -> None:
    async def overloaded(turn: Turn, _: Deeds) -> Answered:
        raise ModelOverloaded(529)

    desk.talking = overloaded
    away: Any = Away(desk.registry)
    desk.registry = away
    await dialogue.hear(said(1), "one")
    await eventually(lambda: asyncio.sleep(0, len(away.refused) == 2))
    assert talks.sessions[NAME].attempts == 0
