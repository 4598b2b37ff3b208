"""Bot processes that end and begin again, and a Telegram that is busy: nothing is lost, nothing comes twice."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.runs import Notification, Origin
from tests.deployments.conftest import ANN, BOB, IVAN, Start, begun, cut_off, eventually, released
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TelegramApi

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")


async def test_request_cut_off_by_a_stop_is_taken_up_once_by_the_next_process(
    api: TelegramApi, desk: FakeDesk, start: Start
) -> None:
    await cut_off(api, start(), desk.free, "notes", lambda: desk.proposed)
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


async def test_change_whose_process_died_right_after_starting_it_still_gets_the_note_that_its_card_needs(
    api: TelegramApi, desk: FakeDesk, start: Start
) -> None:
    async with start():
        run = await begun(api, desk, ANN, "notes")
    key, origin = f"tg:{ANN}:{api.next_update}", Origin(channel="telegram", chat=str(ANN), person=run.origin.person)
    change = await desk.start(await desk.propose("add a search", origin, project="notes", key=key))

    async def is_noted() -> bool:
        return [line.data["title"] for line in await desk.registry.progress(change.id) if "title" in line.data] == [
            "add a search"
        ]

    assert not await is_noted()
    async with start():
        await api.say(ANN, "/change notes add a search")
        await eventually(is_noted)
    assert len(await desk.registry.runs()) == 2


async def test_process_that_died_right_after_a_rollback_began_begins_no_second_one(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path
) -> None:
    async with start():
        run = await begun(api, desk, ANN, "notes")
        await released(desk, "notes", 2)
        api.next_update = 700_100
        await api.say(ANN, "/rollback notes")
        await eventually(lambda: asyncio.sleep(0, (tmp_path / "telegram" / "done" / "700100").exists()))
    (tmp_path / "telegram" / "done" / "700100").unlink()  # as if killed before the mark was written
    api.next_update = 700_100
    async with start():
        await api.say(ANN, "/rollback notes")
        await eventually(lambda: asyncio.sleep(0, (tmp_path / "telegram" / "done" / "700100").exists()))
    assert desk.rolled_back == [("notes", run.origin.person)]


async def test_button_pressed_while_the_bot_was_away_acts_and_is_answered_in_the_chat(
    api: TelegramApi, desk: FakeDesk, start: Start
) -> None:
    async with start():
        await begun(api, desk, ANN, "notes")
    pressed = await api.press(api.messages(ANN)[0].buttons[0])
    api.queries[pressed] = "expired"  # Telegram forgets a press after a while
    async with start():
        await api.message(ANN, "Stopping notes.")
        await api.message(ANN, "Stopped", "💰")
    assert not [told for told in api.messages(ANN) if "broken" in told.text]


async def test_question_answered_by_button_while_the_bot_was_away_is_answered(
    api: TelegramApi, desk: FakeDesk, start: Start
) -> None:
    async with start():
        run = await begun(api, desk, ANN, "notes")
        await desk.ask(run.id)
        question = await api.message(ANN, "notes came to a halt")
    pressed = await api.press(next(button for button in question.buttons if button.label == "Try on"))
    api.queries[pressed] = "expired"
    async with start():
        await api.message(ANN, "Thank you. notes goes on.")


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
async def test_card_waits_when_telegram_asks_to_and_then_shows_the_newest(api: TelegramApi, desk: FakeDesk) -> None:
    run = await begun(api, desk, ANN, "notes")
    api.busy(1, method="editMessageText")
    await desk.go_on(run.id, "plan")
    await desk.go_on(run.id, "deploy")
    await api.message(ANN, "▶️ Release")
    assert ("editMessageText" in dict(api.calls), len(api.messages(ANN))) == (True, 1)


async def test_files_that_a_power_cut_left_empty_are_set_aside_and_the_bot_starts(
    api: TelegramApi, start: Start, tmp_path: Path
) -> None:
    home = tmp_path / "telegram"
    for name in ("new/7", f"files/{ANN}.json", f"asks/{ANN}_9", f"questions/{ANN}_9", f"streamed/{ANN}", "done/odd"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    async with start():
        await api.say(ANN, "notes")
        await api.message(ANN, "waiting for its turn")
    assert [path.name for path in (home / "torn").iterdir()] == ["7"]
    assert [*(home / "asks").iterdir(), *(home / "streamed").iterdir()] == []
