"""The dialogue at the bot's door, on the Bot API simulator: messages are queued, answered once, and proposals have buttons."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.telegram import TelegramChat
from deployments.bot.service import bot_running
from deployments.bot.streamed import Streamed
from domain.conversations import Message, Text, ToolResult, ToolUse
from domain.deeds import Deeds
from domain.errors import Broken, ModelOverloaded, NoReply
from domain.proposals import Answered, Proposal, Quote, Reply, proposal_run, turn_text
from domain.talks import TalkState
from domain.writing import Draft, DraftCall
from tasks.dialogue import Turn
from tests.deployments.conftest import ANN, BOB, cut_off, eventually, house
from tests.fakes.desk import FakeDesk, a_brief
from tests.fakes.talks import MemoryTalks
from tests.fakes.telegram_api import TOKEN, TelegramApi

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")

Open = Callable[[], AbstractAsyncContextManager[None]]


class Owner:
    """A Product Owner who says back what it heard; `script` holds what it does instead, turn by turn."""

    def __init__(self, desk: FakeDesk, talks: MemoryTalks) -> None:
        self.desk, self.talks = desk, talks
        self.heard: list[list[str]] = []
        self.script: list[Exception | None] = []
        self.given: dict[tuple[str, int], Answered] = {}
        """A turn that has ended returns its end again, as the loop does."""
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self, turn: Turn, _: Deeds) -> Answered:
        if (given := self.given.get((turn.session, turn.number))) is not None:
            return given
        waiting = await self.talks.waiting(turn.name, turn.epoch)
        self.heard.append([remark.text for remark in waiting])
        await self.free.wait()
        if self.script and (error := self.script.pop(0)) is not None:
            raise error
        text = " + ".join(remark.text for remark in waiting)
        answered = Answered(reply=Reply(text=f"heard {text}"), upto=waiting[-1].sequence)
        whole = await self.proposed(turn, answered) if "propose" in text else answered
        return self.given.setdefault((turn.session, turn.number), whole)

    async def proposed(self, turn: Turn, answered: Answered, *, broken_off: bool = False) -> Answered:
        """Write the proposal into the transcript, as the loop does, and show it."""
        brief = a_brief("timer", "Tea <timer>")
        given = {"request": "a timer", "brief": brief.model_dump(mode="json")}
        calls = [ToolUse(id=f"t{turn.number}", name="propose", input=given)]
        if not broken_off:
            calls.append(ToolUse(id=f"u{turn.number}", name="reply", input={"text": "Here it is."}))
        messages = (
            Message(role="user", parts=(Text(text=turn_text(turn.number)),)),
            Message(role="assistant", parts=tuple(calls)),
            Message(role="user", parts=tuple(ToolResult(tool_use_id=call.id, text="done") for call in calls)),
        )
        before = len(await self.desk.registry.load(turn.conversation))
        for place, message in enumerate(messages, start=before):
            await self.desk.registry.append(turn.conversation, place, message)
        number = before // len(messages) + 1
        proposal = Proposal(
            run=proposal_run(turn.session, number), brief=brief, change=False, request="a timer", origin=turn.origin
        )
        return answered.model_copy(update={"proposal": proposal, "quote": Quote(most_usd=5.0)})


@pytest.fixture
def talks() -> MemoryTalks:
    return MemoryTalks()


@pytest.fixture
def owner(desk: FakeDesk, talks: MemoryTalks) -> Owner:
    desk.talking = Owner(desk, talks)
    return desk.talking


@pytest.fixture
def door(api: TelegramApi, desk: FakeDesk, talks: MemoryTalks, tmp_path: Path) -> Open:
    def running() -> AbstractAsyncContextManager[None]:
        chat = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
        return bot_running(desk, chat, tmp_path / "telegram", house(), pace=0.01, stopping=0.05, talks=talks)

    return running


@pytest.fixture
async def bot(door: Open) -> AsyncIterator[None]:
    async with door():
        yield


def holds(condition: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    return lambda: asyncio.sleep(0, condition())


def state(talks: MemoryTalks) -> TalkState:
    found = talks.sessions[f"telegram:{ANN}"]
    return TalkState.PROCESSING if found.until > talks.now else found.rest


@pytest.mark.usefixtures("bot")
async def test_message_is_answered_and_nothing_starts(api: TelegramApi, desk: FakeDesk, owner: Owner, tmp_path: Path) -> None:
    said = await api.say(ANN, "what do I <have>?")
    await api.message(ANN, "heard what do I <have>?")
    assert (said.reaction, api.people[ANN].actions[:1]) == ("👀", ["typing"])
    assert await desk.registry.runs() == ()
    await eventually(holds(lambda: not list((tmp_path / "telegram" / "new").iterdir())))
    assert owner.heard == [["what do I <have>?"]]


def half(words: str) -> Draft:
    return Draft(calls=(DraftCall(name="reply", input=f'{{"text": "{words}'),))


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("offered", [True, False])
async def test_answer_is_seen_while_it_is_written_and_comes_whole_once(
    api: TelegramApi, desk: FakeDesk, owner: Owner, offered: bool
) -> None:
    if not offered:
        api.lacks.add("sendMessageDraft")
    owner.free.clear()
    await api.say(ANN, "tell me")
    await eventually(holds(lambda: desk.writing))
    assert desk.writing
    desk.writing.wrote(half("heard te: "))  # no secret of a test that ran before begins with a colon
    await api.until(lambda: api.people[ANN].draft == "heard te:" if offered else api.messages(ANN))
    owner.free.set()
    await api.message(ANN, "heard tell me")
    await api.until(lambda: [m.text for m in api.messages(ANN)] == ["heard tell me"])
    assert api.people[ANN].draft is None


@pytest.mark.usefixtures("owner")
async def test_half_an_answer_that_a_killed_bot_left_goes_when_the_next_one_starts(
    api: TelegramApi, door: Open, tmp_path: Path
) -> None:
    chat = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
    await Streamed(chat, tmp_path / "telegram" / "streamed").show(str(ANN), "heard te")
    await chat.aclose()
    async with door():
        await api.until(lambda: not api.messages(ANN))


@pytest.mark.usefixtures("bot", "owner")
async def test_greeting_says_that_one_is_asked_first(api: TelegramApi) -> None:
    await api.open(ANN)
    await api.message(ANN, "Hello, I am Slipway", "When you agree I build it")


@pytest.mark.usefixtures("bot")
async def test_messages_that_come_meanwhile_are_answered_in_order_by_the_next_turn(api: TelegramApi, owner: Owner) -> None:
    owner.free.clear()
    await api.say(ANN, "one")
    await eventually(holds(lambda: owner.heard))
    for words in ("two", "three"):
        await api.say(ANN, words)
    await api.say(BOB, "/help")
    await api.message(BOB, "Write what you want")  # nobody waits for another's turn
    await eventually(holds(lambda: owner.talks.sessions[f"telegram:{ANN}"].last == 3))
    owner.free.set()
    await api.message(ANN, "heard two + three")
    assert [m.text for m in api.messages(ANN)] == ["heard one", "heard two + three"]


@pytest.mark.usefixtures("bot")
async def test_proposal_is_shown_with_checks_quote_and_buttons_and_build_starts_one_run(
    api: TelegramApi, desk: FakeDesk, owner: Owner, talks: MemoryTalks
) -> None:
    await api.say(ANN, "propose")
    card = await api.message(ANN, "Tea <timer>", "given the app, when I open it, it answers", "At most $5.00")
    await eventually(holds(lambda: state(talks) is TalkState.AWAITING))
    assert await desk.registry.runs() == ()
    assert [button.label for button in card.buttons] == ["🔨 Build it", "Not yet"]
    later = await api.press(card.buttons[1])
    assert (await api.until(lambda: api.queries[later])).startswith("As you like")
    foreign = await api.press(card.buttons[0], by=BOB)
    assert (await api.until(lambda: api.queries[foreign])) == "That button is not for you."
    pressed = await api.press(card.buttons[0])
    assert await api.until(lambda: api.queries[pressed]) == "timer is being built."
    await api.message(ANN, "waiting for its turn")
    twice = await api.press(card.buttons[0])
    assert await api.until(lambda: api.queries[twice]) == "It is being built already."
    assert [(run.project, run.origin.person) for run in await desk.registry.runs()] == [("timer", f"telegram:{ANN}")]


@pytest.mark.usefixtures("bot")
async def test_proposal_that_was_amended_gives_way_to_the_newer_one(api: TelegramApi, desk: FakeDesk, owner: Owner) -> None:
    await api.say(ANN, "propose")
    await api.until(lambda: [m for m in api.messages(ANN) if m.buttons])
    await api.say(ANN, "propose it in green")
    await api.until(lambda: len([m for m in api.messages(ANN) if m.buttons]) == 2)
    old, new = [m for m in api.messages(ANN) if m.buttons]
    pressed = await api.press(old.buttons[0])
    assert (await api.until(lambda: api.queries[pressed])).startswith("That was replaced")
    assert await desk.registry.runs() == ()
    pressed = await api.press(new.buttons[0])
    assert await api.until(lambda: api.queries[pressed]) == "timer is being built."


@pytest.mark.usefixtures("bot")
async def test_proposal_of_a_turn_that_broke_off_replaces_none_that_was_shown(
    api: TelegramApi, owner: Owner, talks: MemoryTalks
) -> None:
    await api.say(ANN, "propose")
    card = await api.message(ANN, "Tea <timer>")
    name = f"telegram:{ANN}"
    turn = Turn(name=name, epoch=talks.sessions[name].epoch, number=99, chat=str(ANN))
    await owner.proposed(turn, Answered(reply=Reply(text="unsaid"), upto=1), broken_off=True)
    pressed = await api.press(card.buttons[0])
    assert await api.until(lambda: api.queries[pressed]) == "timer is being built."


async def test_turn_that_a_stop_cut_off_is_taken_up_and_answered_once(
    api: TelegramApi, owner: Owner, door: Open, talks: MemoryTalks
) -> None:
    await cut_off(api, door(), owner.free, "one", lambda: owner.heard)
    async with door():
        await api.message(ANN, "heard one")
    async with door():
        await api.say(ANN, "two")
        await api.message(ANN, "heard two")
    assert [m.text for m in api.messages(ANN)] == ["heard one", "heard two"]
    assert talks.sessions[f"telegram:{ANN}"].attempts == 0


async def test_answer_that_was_given_before_a_kill_is_given_once(
    api: TelegramApi, owner: Owner, door: Open, talks: MemoryTalks
) -> None:
    async with door():
        await api.say(ANN, "one")
        await api.message(ANN, "heard one")
        found = talks.sessions[f"telegram:{ANN}"]
        await eventually(holds(lambda: found.answered == 1))
    found.answered, found.turn = 0, found.turn - 1  # as if killed before the end of the turn was written down
    async with door():
        await api.say(ANN, "two")
        await api.message(ANN, "heard two")
    assert [m.text for m in api.messages(ANN)] == ["heard one", "heard two"]


@pytest.mark.usefixtures("bot")
async def test_error_is_told_once_and_the_message_is_seen_by_the_next_turn(api: TelegramApi, owner: Owner) -> None:
    owner.script = [ModelOverloaded(529)]
    await api.say(ANN, "one")
    await api.message(ANN, "The model is busy")
    await api.say(ANN, "two")
    await api.message(ANN, "heard one + two")
    assert len(api.messages(ANN)) == 2


@pytest.mark.usefixtures("bot")
async def test_turn_without_an_answer_is_over(api: TelegramApi, owner: Owner) -> None:
    owner.script = [NoReply("out of budget", "spent")]
    await api.say(ANN, "one")
    await api.message(ANN, "The money for our conversation is spent")
    await api.say(ANN, "two")
    await api.message(ANN, "heard two")


@pytest.mark.usefixtures("bot")
async def test_poisoned_session_is_set_aside_and_its_person_goes_on(
    api: TelegramApi, owner: Owner, talks: MemoryTalks, tmp_path: Path
) -> None:
    owner.script = [Broken("the request is refused")] * 5
    await api.say(ANN, "poison")
    await api.message(ANN, "begin a fresh one")
    await api.say(ANN, "hello")
    await api.message(ANN, "heard hello")
    assert len(owner.heard) == 6
    assert [epoch for _, epoch in talks.aside] == [1]
    assert len(api.messages(ANN)) == 2
    await eventually(holds(lambda: not list((tmp_path / "telegram" / "new").iterdir())))


async def test_session_that_kills_its_process_again_and_again_is_set_aside(
    api: TelegramApi, owner: Owner, door: Open, talks: MemoryTalks
) -> None:
    await cut_off(api, door(), owner.free, "poison", lambda: owner.heard)
    talks.sessions[f"telegram:{ANN}"].attempts = 5
    async with door():
        await api.message(ANN, "begin a fresh one")
    assert len(owner.heard) == 1


@pytest.mark.usefixtures("bot")
async def test_cancel_ends_the_turn_at_work(api: TelegramApi, owner: Owner, talks: MemoryTalks) -> None:
    owner.free.clear()
    await api.say(ANN, "one")
    await eventually(holds(lambda: owner.heard))
    await api.say(ANN, "/cancel")
    await api.message(ANN, "Stopped. Nothing was started.")
    owner.free.set()
    await api.say(ANN, "two")
    await api.message(ANN, "heard two")
    assert owner.heard == [["one"], ["two"]]


@pytest.mark.usefixtures("bot")
async def test_change_is_said_to_the_product_owner(api: TelegramApi, desk: FakeDesk, owner: Owner) -> None:
    await api.say(ANN, "propose")
    card = await api.message(ANN, "Tea <timer>")
    await api.press(card.buttons[0])
    await api.message(ANN, "waiting for its turn")
    await api.say(ANN, "/change timer add a search")
    await api.message(ANN, "heard My project timer shall be changed: add a search")
    assert len(await desk.registry.runs()) == 1
