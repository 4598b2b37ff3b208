"""The bot, talked to as a person would, on the Bot API simulator, with the real registry on SQLite."""

import asyncio
from datetime import UTC, datetime

import pytest

from deployments.desk.requests import run_id
from domain.runs import Notification, RunState
from tests.deployments.conftest import ANN, BOB, IVAN, Start, begun, eventually, released
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TelegramApi

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")


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
    assert [button.label for button in card.buttons] == ["📜 Logs", "🧾 Diff", "💰 Cost"]
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
async def test_change_and_rollback_work_on_the_persons_project(api: TelegramApi, desk: FakeDesk) -> None:
    first = await begun(api, desk, ANN, "notes")
    await desk.end(first.id, address="http://notes.localhost")
    await api.message(ANN, "notes is online")
    await api.say(ANN, "/change notes")
    await api.message(ANN, "/change notes add a search")
    changed = await begun(api, desk, ANN, "/change Notes\nadd a search")
    assert (changed.project, changed.change, changed.request) == ("notes", True, "add a search")
    await api.say(ANN, "/rollback notes")
    await api.message(ANN, "notes has no earlier good version")
    await released(desk, "notes", 2)
    await api.say(ANN, "/rollback")
    await api.message(ANN, "notes goes back")
    assert desk.rolled_back == [("notes", f"telegram:{ANN}")]


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
