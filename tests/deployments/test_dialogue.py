"""The dialogue without a messenger: who leads a session when turns are cancelled, or break off, at a bad moment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from telegram import Update

from blocks.registry.block import SqlRegistry
from blocks.telegram import TelegramChat
from deployments.bot.dialogue import BEAT, Dialogue
from deployments.bot.drafts import Appearing
from deployments.bot.inbox import Inbox
from deployments.bot.live_cards import LiveCards
from deployments.bot.messages import Said
from deployments.bot.places import Places
from deployments.bot.sendings import Sendings
from deployments.bot.talk_cards import TALK
from deployments.desk.allowances import Allowances
from deployments.desk.deeds import DeskDeeds
from domain.conversations import Message, Text, ToolResult, ToolUse
from domain.deeds import Deeds
from domain.errors import LeaseLost, ModelKeyMissing, ModelOverloaded, ServiceUnreachable
from domain.proposals import Answered, Reply, turn_text
from domain.runs import Notification
from domain.talks import POISON
from domain.writing import Writing
from tasks.dialogue import Turn
from tests.deployments.conftest import ANN, eventually
from tests.fakes.desk import FakeDesk, Hints
from tests.fakes.talks import MemoryTalks

NAME = f"telegram:{ANN}"
Open = Callable[..., Dialogue]


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


class Blank:
    """A chat in which nothing that is written is seen."""

    @asynccontextmanager
    async def writing(self, chat: str, language: str) -> AsyncIterator[Writing]:
        yield Appearing(language, lambda text: text)


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
async def open_dialogue(desk: FakeDesk, talks: MemoryTalks, tmp_path: Path) -> AsyncIterator[Open]:
    chat = TelegramChat(token=SecretStr("42:token"), api_url="http://127.0.0.1:1")
    cards = LiveCards(chat, desk.registry, desk.wakeups, Sendings(tmp_path / "sendings"))
    deeds = DeskDeeds(desk, Allowances(desk.registry, desk.wakeups))
    opened: list[Dialogue] = []

    def opening(beat: float = BEAT) -> Dialogue:
        opened.append(
            Dialogue(desk, talks, Inbox(tmp_path / "inbox", as_it_is), cards, Stillness(), Blank(), deeds, Places(), beat)
        )
        return opened[-1]

    yield opening
    for dialogue in opened:
        await dialogue.aclose()
    await chat.aclose()


@pytest.fixture
def dialogue(open_dialogue: Open) -> Dialogue:
    return open_dialogue()


def replied(turn: int) -> list[Message]:
    """Return a turn that has its reply, as the loop writes it into the transcript."""
    call = ToolUse(id="t1", name="reply", input={"text": "heard one"})
    return [
        Message(role="user", parts=(Text(text=turn_text(turn)),)),
        Message(role="assistant", parts=(call,)),
        Message(role="user", parts=(ToolResult(tool_use_id=call.id, text="accepted"),)),
    ]


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


async def test_each_message_whose_turn_cannot_be_led_is_told_so(desk: FakeDesk, talks: MemoryTalks, dialogue: Dialogue) -> None:
    class Meanwhile(Hints):
        heard = False

        async def publish(self, channel: str, text: str) -> None:
            if not talks.reachable and not self.heard:
                self.heard = talks.reachable = True
                await dialogue.hear(said(2), "two")
                talks.reachable = False

    desk.wakeups = Meanwhile()
    await dialogue.hear(said(1), "one")
    talks.reachable = False  # before its turn is taken
    wanted = {f"{TALK}{said(update).key}:error" for update in (1, 2)}
    await eventually(lambda: told_under(desk, wanted))


async def told_under(desk: FakeDesk, keys: set[str]) -> bool:
    return keys <= {notification.key for notification in await desk.registry.unsent("telegram")}


async def test_lease_of_a_project_that_a_tool_lost_is_not_taken_for_that_of_the_session(
    desk: FakeDesk, dialogue: Dialogue
) -> None:
    answer, lost = desk.talking, [LeaseLost("notes", "r-000001")]

    async def losing_once(turn: Turn, deeds: Deeds) -> Answered:
        if lost:
            raise lost.pop()
        assert answer is not None
        return await answer(turn, deeds)

    desk.talking = losing_once
    await dialogue.hear(said(1), "one")
    await eventually(lambda: told(desk, "heard one"))


async def test_turn_whose_session_was_taken_is_cut_off(desk: FakeDesk, talks: MemoryTalks, open_dialogue: Open) -> None:
    begun, cut_off = asyncio.Event(), asyncio.Event()

    async def endless(turn: Turn, _: Deeds) -> Answered:
        begun.set()
        try:
            return await asyncio.Future[Answered]()
        finally:
            cut_off.set()

    desk.talking = endless
    await open_dialogue(beat=0.01).hear(said(1), "one")
    await begun.wait()
    taken = await talks.take(NAME, "bot")
    await asyncio.wait_for(cut_off.wait(), 60)
    assert taken
    await talks.extend(taken)
    assert await desk.registry.unsent("telegram") == ()


async def test_bot_that_is_stopped_in_order_again_and_again_poisons_no_session(
    desk: FakeDesk, talks: MemoryTalks, open_dialogue: Open
) -> None:
    begun = asyncio.Event()

    async def endless(turn: Turn, _: Deeds) -> Answered:
        begun.set()
        return await asyncio.Future[Answered]()

    desk.talking = endless
    for _ in range(3):
        dialogue = open_dialogue()
        await dialogue.hear(said(1), "one")
        await asyncio.wait_for(begun.wait(), 60)
        await dialogue.aclose()
        begun.clear()
    assert talks.sessions[NAME].attempts == 0


async def test_person_is_told_before_their_session_is_set_aside(desk: FakeDesk, talks: MemoryTalks, dialogue: Dialogue) -> None:
    await talks.say(NAME, said(1).key, "poison", datetime.now(UTC))
    talks.sessions[NAME].attempts = POISON
    away: Any = Away(desk.registry)
    registry, desk.registry = desk.registry, away  # as if the process was killed when it was about to tell
    await dialogue.hear(said(1), "poison")
    await eventually(lambda: asyncio.sleep(0, away.refused))
    assert talks.aside == {}
    desk.registry = registry


async def test_answer_that_was_there_when_its_person_said_cancel_is_told(desk: FakeDesk, dialogue: Dialogue) -> None:
    began, answer = asyncio.Event(), desk.talking

    async def late(turn: Turn, deeds: Deeds) -> Answered:
        assert answer is not None
        if not began.is_set():  # the transcript has the reply, and the flow run around it still ends
            for place, message in enumerate(replied(turn.number)):
                await desk.registry.append(turn.conversation, place, message)
            began.set()
            await asyncio.Future[None]()
        return await answer(turn, deeds)

    desk.talking = late
    await dialogue.hear(said(1), "one")
    await asyncio.wait_for(began.wait(), 60)
    assert await dialogue.cancel(said(2))
    await eventually(lambda: told(desk, "heard one"))


async def test_person_of_an_installation_without_a_key_is_told_so(desk: FakeDesk, dialogue: Dialogue) -> None:
    async def keyless(turn: Turn, _: Deeds) -> Answered:
        raise ModelKeyMissing

    desk.talking = keyless
    await dialogue.hear(said(1), "one")
    await eventually(lambda: told(desk, "set ANTHROPIC_API_KEY"))


@pytest.mark.parametrize("fails", [True, False], ids=["failure", "answer"])
async def test_end_of_a_turn_that_cannot_be_told_says_nothing_against_the_session(
    desk: FakeDesk, talks: MemoryTalks, dialogue: Dialogue, caplog: pytest.LogCaptureFixture, *, fails: bool
) -> None:
    async def overloaded(turn: Turn, _: Deeds) -> Answered:
        raise ModelOverloaded(529)

    if fails:
        desk.talking = overloaded
    away: Any = Away(desk.registry)
    desk.registry = away
    await dialogue.hear(said(1), "one")
    await eventually(lambda: asyncio.sleep(0, "could not be told why their talk rests" in caplog.text))
    assert len(away.refused) == 2
    assert talks.sessions[NAME].attempts == 0
