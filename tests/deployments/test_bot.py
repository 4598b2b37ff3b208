"""The bot, talked to as a person would, on the Bot API simulator, with the real registry on SQLite."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.registry import SqlRegistry
from blocks.registry_migrations import migrate
from blocks.telegram import TelegramChat
from deployments.bot import bot_running, log_without_token
from deployments.bot_access import check_access
from deployments.requests import run_id
from domain.errors import BadInput, ChatTokenRefused, ModelKeyRefused, ModelOverloaded
from domain.releases import ReleaseState
from domain.runs import Notification, Run, RunState
from tests.fakes.desk import FakeDesk, Hints, a_brief
from tests.fakes.telegram_api import TOKEN, TelegramApi, telegram_api

ANN, BOB, IVAN = 1001, 1002, 1003
Start = Callable[..., AbstractAsyncContextManager[None]]
pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")


@pytest.fixture
async def api() -> AsyncIterator[TelegramApi]:
    async with telegram_api(ANN, BOB) as server:
        server.person(IVAN, "ru")
        yield server


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[FakeDesk]:
    url = f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    await migrate(url)
    registry = SqlRegistry(url=SecretStr(url), budget_micro_usd=5_000_000)
    yield FakeDesk(registry, Hints())
    await registry.close()


@pytest.fixture
def start(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> Start:
    def running(*allowed: int) -> AbstractAsyncContextManager[None]:
        chat = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
        return bot_running(desk, chat, tmp_path / "telegram", allowed, pace=0.01, stopping=0.05)

    return running


@pytest.fixture
async def bot(start: Start) -> AsyncIterator[None]:
    async with start():
        yield


async def eventually(condition: Callable[[], Awaitable[object]], seconds: float = 10.0) -> None:
    """Wait until an asynchronous condition holds, giving way between two looks."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  (the registry has no event to wait for)
            await asyncio.sleep(0.01)


async def begun(api: TelegramApi, desk: FakeDesk, chat: int, text: str) -> Run:
    """Ask for something and wait until its card stands."""
    await api.say(chat, text)
    await api.message(chat, "waiting for its turn" if chat != IVAN else "ждёт своей очереди")
    run = (await desk.registry.runs())[0]

    async def card_is_known() -> object:
        found = await desk.registry.run(run.id)
        return found and found.origin.message and desk.wakeups.listeners(f"slipway:run:{run.id}")

    await eventually(card_is_known)
    return run


@pytest.mark.usefixtures("bot")
async def test_start_and_help_speak_the_persons_language_and_menus_are_named(api: TelegramApi) -> None:
    await api.say(ANN, "/start")
    await api.say(IVAN, "/start")
    await api.say(IVAN, "/nosuch")
    await api.message(ANN, "Hello, I am Slipway")
    await api.message(IVAN, "Здравствуйте")
    await api.message(IVAN, "/change ПРОЕКТ")
    assert {"", "ru"} == set(api.commands)


@pytest.mark.usefixtures("bot")
async def test_message_becomes_a_run_whose_one_card_is_edited_to_its_end(api: TelegramApi, desk: FakeDesk) -> None:
    said = await api.say(ANN, "link <shortener>")
    card = await api.message(ANN, "link <shortener>", "waiting for its turn")
    assert said.reaction == "👀"
    assert api.people[ANN].actions[:1] == ["typing"]
    [run] = await desk.registry.runs()
    assert (run.id, run.origin.person, run.origin.chat) == (run_id(f"tg:{ANN}:700000"), f"telegram:{ANN}", str(ANN))
    await desk.go_on(run.id, "plan")
    await api.message(ANN, "▶️ Plan")
    await desk.go_on(run.id, "develop", "round", "round 2 of 3", round=2, of=3)
    await api.message(ANN, "▶️ Code · round 2 of 3")
    await desk.end(run.id, address="http://link-shortener.localhost:8080")
    await api.message(ANN, "🌐 Online: http://link-shortener.localhost:8080")
    told = await api.message(ANN, "link <shortener> is online", "http://link-shortener.localhost:8080")
    assert api.messages(ANN) == [card, told]
    assert card.buttons == []
    assert len(card.versions) >= 4


@pytest.mark.usefixtures("bot")
async def test_person_who_wrote_russian_gets_card_and_end_in_russian(api: TelegramApi, desk: FakeDesk) -> None:
    run = await begun(api, desk, IVAN, "сервис заметок")
    await desk.end(run.id, RunState.FAILED, "три круга")
    await api.message(IVAN, "сервис заметок: не получилось: три круга")
    await api.message(IVAN, "Не получилось: три круга", "💰")


async def test_stop_button_acts_while_the_chat_is_busy(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    async with start():
        run = await begun(api, desk, ANN, "notes")
        desk.free.clear()
        await api.say(ANN, "another one")
        await eventually(lambda: asyncio.sleep(0, len(desk.proposed) == 2))
        pressed = await api.press(api.messages(ANN)[0].buttons[0])
        await api.message(ANN, "Stopped")
        await api.until(lambda: api.queries[pressed])
        assert api.queries[pressed] == "Stopping notes."
        found = await desk.registry.run(run.id)
        assert found
        assert found.state is RunState.CANCELLED


@pytest.mark.usefixtures("bot")
async def test_cancel_ends_a_request_that_is_still_being_read(api: TelegramApi, desk: FakeDesk) -> None:
    desk.free.clear()
    await api.say(ANN, "notes")
    await eventually(lambda: asyncio.sleep(0, desk.proposed))
    await api.say(ANN, "/cancel")
    await api.message(ANN, "Stopped. Nothing was started.")
    assert await desk.registry.runs() == ()


@pytest.mark.usefixtures("bot")
async def test_cancel_stops_the_newest_run_and_says_so_when_there_is_none(api: TelegramApi, desk: FakeDesk) -> None:
    await begun(api, desk, ANN, "notes")
    await api.say(BOB, "/cancel")
    await api.message(BOB, "Nothing of yours is being built")
    await api.say(ANN, "/cancel")
    await api.message(ANN, "Stopping notes.")
    await api.message(ANN, "Stopped", "💰")


@pytest.mark.usefixtures("bot")
async def test_one_chat_waits_for_no_other(api: TelegramApi, desk: FakeDesk) -> None:
    desk.free.clear()
    await api.say(ANN, "notes")
    await eventually(lambda: asyncio.sleep(0, desk.proposed))
    await api.say(ANN, "/help")
    await api.say(BOB, "/help")
    await api.message(BOB, "Write what you want")
    assert api.messages(ANN) == []
    desk.free.set()
    await api.message(ANN, "Write what you want")
    await api.message(ANN, "waiting for its turn")


@pytest.mark.usefixtures("bot")
async def test_person_sees_only_own_projects(api: TelegramApi, desk: FakeDesk) -> None:
    await desk.registry.add_project(a_brief("bobs", "Bobs"), f"telegram:{BOB}", "bobs.localhost", datetime.now(UTC))
    for command in ("/status", "/rollback bobs", "/change bobs to mine"):
        await api.say(ANN, command)
    await api.until(lambda: len(api.messages(ANN)) == 3)
    assert {m.text for m in api.messages(ANN)} == {"You have no project yet. Say in one message what you want, and I build it."}
    await begun(api, desk, ANN, "notes")
    await api.say(ANN, "/rollback bobs")
    await api.message(ANN, "You have no project named bobs. Yours: notes")
    await api.say(ANN, "/status")
    status = await api.message(ANN, "notes (notes): not online", "being built: waiting for its turn")
    assert "bobs" not in status.text
    assert desk.rolled_back == []


@pytest.mark.usefixtures("bot")
async def test_change_and_rollback_work_on_the_persons_project(api: TelegramApi, desk: FakeDesk) -> None:
    first = await begun(api, desk, ANN, "notes")
    await desk.end(first.id, address="http://notes.localhost")
    await api.message(ANN, "notes is online")
    await api.say(ANN, "/change notes")
    await api.message(ANN, "/change notes add a search")
    await api.say(ANN, "/change Notes\nadd a search")
    await api.message(ANN, "waiting for its turn")
    changed = (await desk.registry.runs())[0]
    assert (changed.project, changed.change, changed.request) == ("notes", True, "add a search")
    await api.say(ANN, "/rollback notes")
    await api.message(ANN, "notes has no earlier good version")
    await released_twice(desk)
    await api.say(ANN, "/rollback")
    await api.message(ANN, "notes goes back")
    assert desk.rolled_back == [("notes", f"telegram:{ANN}")]


async def released_twice(desk: FakeDesk) -> None:
    """Let notes have a live release, and one before that is kept."""
    registry, now = desk.registry, datetime.now(UTC)
    fence = await registry.next_fence("notes")
    for number, run in ((1, "r-one111"), (2, "r-two222")):
        await registry.add_release("notes", run, "c0ffee", "sha256:1", 1, now, fence=fence)
        await registry.promote("notes", number, "127.0.0.1:1", ReleaseState.DRAINING, "replaced", now, fence=fence)
    await registry.move_release("notes", 1, ReleaseState.KEPT, fence=fence)


async def test_only_people_on_the_list_are_served(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    async with start(BOB):
        await api.say(ANN, "notes")
        refused = await api.message(ANN, "only the people on its list")
        assert str(ANN) in refused.text
        await begun(api, desk, BOB, "notes")
    assert desk.proposed == ["notes"]


@pytest.mark.usefixtures("bot")
async def test_credential_reaches_nobody_and_its_message_is_deleted(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> None:
    said = await api.say(ANN, "a bot with the token 1234567" + "890:" + "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx")
    answer = await api.message(ANN, "looked like a secret (Telegram bot token)")
    assert "Ab1Cd2" not in answer.text
    assert said.deleted
    assert desk.proposed == []
    await eventually(lambda: asyncio.sleep(0, not list((tmp_path / "telegram" / "new").iterdir())))


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ModelKeyRefused(), "Ask the operator to set a valid one"),
        (ModelOverloaded(529), "The model is busy"),
        (BadInput("say it in other words"), "I cannot go on: say it in other words"),
        (ZeroDivisionError("inner detail"), "Something went wrong on my side"),
    ],
)
async def test_every_error_is_answered_by_one_sentence(api: TelegramApi, desk: FakeDesk, error: Exception, words: str) -> None:
    desk.errors.append(error)
    await api.say(ANN, "notes")
    answer = await api.message(ANN, words)
    assert "inner detail" not in answer.text
    await api.say(ANN, "/help")
    await api.message(ANN, "Write what you want")
    assert len(api.messages(ANN)) == 2


@pytest.mark.usefixtures("bot")
async def test_too_long_and_unreadable_messages_are_answered(api: TelegramApi) -> None:
    await api.say(ANN, "")  # a photo, a sticker, a voice message: no text
    await api.message(ANN, "I read text only")
    await api.say(ANN, "x" * 20_000)
    await api.message(ANN, "20,000 characters")


@pytest.mark.usefixtures("bot")
async def test_foreign_and_dead_buttons_answer_with_a_sentence(api: TelegramApi, desk: FakeDesk) -> None:
    run = await begun(api, desk, ANN, "notes")
    button = api.messages(ANN)[0].buttons[0]
    foreign = await api.press(button, by=BOB)
    assert await api.until(lambda: api.queries[foreign]) == "That button is not for you."
    await desk.end(run.id, address="http://notes.localhost")
    await api.message(ANN, "notes is online")
    dead = await api.press(button)
    assert (await api.until(lambda: api.queries[dead])).startswith("That has ended already")


@pytest.mark.usefixtures("bot")
async def test_button_of_a_deleted_card_still_stops_the_run(api: TelegramApi, desk: FakeDesk) -> None:
    run = await begun(api, desk, ANN, "notes")
    [card] = api.messages(ANN)
    card.deleted = True
    pressed = await api.press(card.buttons[0])
    assert await api.until(lambda: api.queries[pressed]) == "Stopping notes."
    found = await desk.registry.run(run.id)
    assert found
    assert found.state is RunState.CANCELLED


async def test_request_cut_off_by_a_stop_is_taken_up_once_by_the_next_process(
    api: TelegramApi, desk: FakeDesk, start: Start
) -> None:
    desk.free.clear()
    async with start():
        await api.say(ANN, "notes")
        await eventually(lambda: asyncio.sleep(0, desk.proposed))
    assert api.updates == []  # Telegram was told that we have it
    desk.free.set()
    async with start():
        await api.message(ANN, "waiting for its turn")
    async with start():
        await api.say(ANN, "/help")
        await api.message(ANN, "Write what you want")
    assert [run.project for run in await desk.registry.runs()] == ["notes"]
    assert len(api.messages(ANN)) == 2


async def test_process_that_died_right_after_starting_a_run_starts_no_second_one(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path
) -> None:
    async with start():
        run = await begun(api, desk, ANN, "notes")
        await eventually(lambda: asyncio.sleep(0, list((tmp_path / "telegram" / "done").iterdir())))
    (tmp_path / "telegram" / "done" / "700000").unlink()  # as if killed before the mark was written
    api.next_update = 700_000
    async with start():
        await api.say(ANN, "notes")
        await eventually(lambda: asyncio.sleep(0, list((tmp_path / "telegram" / "done").iterdir())))
    assert [r.id for r in await desk.registry.runs()] == [run.id]
    assert [p.slug for p in await desk.registry.projects()] == ["notes"]
    assert (len(api.messages(ANN)), desk.proposed) == (1, ["notes"])


async def test_cards_and_notifications_are_taken_up_after_a_restart(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    async with start():
        going = await begun(api, desk, ANN, "notes")
        over = await begun(api, desk, BOB, "links")
    await desk.go_on(going.id, "test")
    await desk.end(over.id, address="http://links.localhost")
    async with start():
        await api.message(ANN, "▶️ Tests")
        await api.message(BOB, "🌐 Online: http://links.localhost")
        await api.message(BOB, "links is online")
    assert (len(api.messages(ANN)), len(api.messages(BOB))) == (1, 2)
    assert await desk.registry.unsent("telegram") == ()


async def test_busy_telegram_and_closed_chats_delay_nobody_else(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    api.person(IVAN).blocked = True
    for key, chat in (("a", IVAN), ("b", ANN), ("c", BOB)):
        await desk.registry.add_notification(
            Notification(key=key, channel="telegram", chat=str(chat), text=f"news {key} <1", created=datetime.now(UTC))
        )
    api.busy(1)
    async with start():
        await api.message(BOB, "news c <1")
        await api.message(ANN, "news b <1")
        await eventually(lambda: _all_sent(desk))
    assert (len(api.messages(ANN)), len(api.messages(BOB))) == (1, 1)


async def _all_sent(desk: FakeDesk) -> bool:
    return not await desk.registry.unsent("telegram")


@pytest.mark.usefixtures("bot")
async def test_missing_secret_is_asked_for_by_name_in_the_persons_language(api: TelegramApi, desk: FakeDesk) -> None:
    run = await begun(api, desk, IVAN, "бот погоды")
    await desk.registry.update_run(run.id, state=RunState.WAITING, waits_for=("API_KEY",))
    asked = Notification(
        key=f"{run.id}:secrets-1",
        channel="telegram",
        chat=str(IVAN),
        text="app needs it",
        run=run.id,
        created=datetime.now(UTC),
    )
    await desk.registry.add_notification(asked)
    await desk.wakeups.publish("slipway:outbox", asked.key)
    await api.message(IVAN, "«бот погоды», нужно: API_KEY", f"slipway secret set {run.project} API_KEY")


@pytest.mark.usefixtures("bot")
async def test_card_waits_when_telegram_asks_to_and_then_shows_the_newest(api: TelegramApi, desk: FakeDesk) -> None:
    run = await begun(api, desk, ANN, "notes")
    api.busy(1, method="editMessageText")
    await desk.go_on(run.id, "plan")
    await desk.go_on(run.id, "deploy")
    await api.message(ANN, "▶️ Release")
    assert ("editMessageText" in dict(api.calls), len(api.messages(ANN))) == (True, 1)


async def test_wrong_token_ends_the_bot_with_the_cure(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> None:
    chat = TelegramChat(token=SecretStr("42:wrong"), api_url=api.url)
    with pytest.raises(ChatTokenRefused, match="@BotFather"):
        async with bot_running(desk, chat, tmp_path / "telegram"):
            raise AssertionError("it must not start")


async def test_log_never_holds_the_token(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log_without_token()
    caplog.set_level(logging.INFO)
    wrong = TelegramChat(token=SecretStr("42:AAwrong"), api_url=api.url)
    with pytest.raises(ChatTokenRefused):
        async with bot_running(desk, wrong, tmp_path / "other"):
            raise AssertionError("it must not start")
    async with start():
        desk.errors.append(ZeroDivisionError("inner detail"))
        await api.say(ANN, "notes")
        await api.message(ANN, "Something went wrong")
    assert "inner detail" in caplog.text
    assert TOKEN not in caplog.text
    assert "AAwrong" not in caplog.text


def test_bot_does_not_start_for_everybody_where_nothing_isolates() -> None:
    with pytest.raises(BadInput, match="SLIPWAY_TELEGRAM_ALLOWED"):
        check_access(isolates=False, allowed=())
    assert check_access(isolates=False, allowed=(ANN,)) is None
    assert check_access(isolates=True, allowed=()) is None
