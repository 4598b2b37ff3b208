"""Stop acts however busy the bot is: what it asks of Prefect waits for no handler, for no chat, and for no Telegram."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from telegram import CallbackQuery, Chat, Message, Update, User

from blocks.registry.block import SqlRegistry
from blocks.telegram import TelegramChat
from deployments.bot.door import Door
from deployments.bot.inbox import Inbox
from deployments.bot.places import Places
from deployments.bot.sendings import Sendings
from deployments.bot.speech import Speech
from deployments.bot.turns import Turns
from domain.attachments import Attachment
from domain.proposals import Proposal
from domain.runs import Origin, Run, RunState
from tests.deployments.conftest import ANN, BOB, Start, begun, eventually, house
from tests.fakes.desk import FakeDesk, Hints
from tests.fakes.telegram_api import TOKEN, TelegramApi

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")

HOUR = 3600


class NotedDesk(FakeDesk):
    """Writes down in which order it is asked and has answered."""

    def __init__(self, registry: SqlRegistry, wakeups: Hints) -> None:
        super().__init__(registry, wakeups)
        self.order: list[str] = []

    async def propose(
        self,
        text: str,
        origin: Origin,
        *,
        project: str | None = None,
        key: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Proposal:
        self.order.append(f"{text} begins")
        proposal = await super().propose(text, origin, project=project, key=key, attachments=attachments)
        self.order.append(f"{text} ends")
        return proposal

    async def cancel(self, run: str, who: str) -> Run:
        self.order.append("cancel")
        return await super().cancel(run, who)


@pytest.fixture
def desk(desk: FakeDesk) -> NotedDesk:
    return NotedDesk(desk.registry, desk.wakeups)


@pytest.mark.parametrize("how", ["button", "command"])
async def test_stop_reaches_prefect_before_the_handler_that_holds_ends(
    api: TelegramApi, desk: NotedDesk, start: Start, how: str
) -> None:
    async with start():
        run = await begun(api, desk, ANN, "notes")
        desk.free.clear()
        await api.say(BOB if how == "command" else ANN, "slow")  # of /cancel, a request that is read would be the first to end
        await eventually(lambda: asyncio.sleep(0, "slow begins" in desk.order))
        if how == "button":
            await api.press(api.messages(ANN)[0].buttons[0])
        else:
            await api.say(ANN, "/cancel")
        await eventually(lambda: _is_cancelled(desk, run))
        desk.free.set()
        await eventually(lambda: asyncio.sleep(0, "slow ends" in desk.order))
    assert desk.order == ["notes begins", "notes ends", "slow begins", "cancel", "slow ends"]


async def test_stop_acts_while_telegram_takes_nothing_for_an_hour(api: TelegramApi, desk: NotedDesk, start: Start) -> None:
    async with start():
        run = await begun(api, desk, ANN, "notes")
        for method in ("sendMessage", "editMessageText", "answerCallbackQuery", "setMessageReaction", "sendChatAction"):
            api.busy(HOUR, times=1000, method=method)
        await api.say(ANN, "/help")
        await api.until(lambda: "sendMessage" in [method for method, _ in api.calls[-20:]])
        await api.press(api.messages(ANN)[0].buttons[0])
        await eventually(lambda: _is_cancelled(desk, run))
    [card] = api.messages(ANN)
    assert "waiting for its turn" in card.text  # nothing of it could be shown


async def test_chat_that_telegram_limits_goes_on_and_gets_its_answer_later(api: TelegramApi, start: Start) -> None:
    api.busy(HOUR)
    async with start():
        await api.say(ANN, "/help")
        await api.say(ANN, "/start")
        await api.message(ANN, "Hello, I am Slipway")
        await api.message(ANN, "Write what you want")
    assert len(api.messages(ANN)) == 2


class Forgetful(Inbox):
    """Marks nothing."""

    async def finish(self, update: Update) -> None:
        """Forget it."""


async def _same(update: Update) -> Update:
    return update


async def test_flood_of_one_chat_leaves_room_for_the_stop_of_another(desk: FakeDesk, tmp_path: Path) -> None:
    chat, free, reached = TelegramChat(token=SecretStr(TOKEN)), asyncio.Event(), asyncio.Event()
    door = Door(house(), desk.registry, desk.wakeups, Speech(chat, desk.registry, Sendings(tmp_path / "files")))
    turns = Turns(Forgetful(tmp_path, _same), Places(), chat, door)
    ann, bob, now = User(ANN, "Ann", is_bot=False), User(BOB, "Bob", is_bot=False), datetime.now(UTC)
    said = Message(1, now, Chat(ANN, "private"), from_user=ann, text="/help")
    flood = [asyncio.create_task(turns.process_update(Update(n, message=said), free.wait())) for n in range(1500)]
    pressed = Update(9999, callback_query=CallbackQuery("q", bob, "1", data="x"))
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await turns.process_update(pressed, _set(reached))
    assert (reached.is_set(), any(task.done() for task in flood)) == (True, False)
    free.set()
    await asyncio.gather(*flood)


async def _set(event: asyncio.Event) -> None:
    event.set()


async def _is_cancelled(desk: FakeDesk, run: Run) -> bool:
    found = await desk.registry.run(run.id)
    return found is not None and found.state is RunState.CANCELLED
