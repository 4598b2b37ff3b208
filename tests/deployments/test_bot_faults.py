"""Telegram that fails in each way it knows: what a person is owed comes all the same, and the bot goes on."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.telegram import TelegramChat
from deployments.bot.service import bot_running
from domain.errors import ChatTokenRefused
from domain.runs import Notification
from tests.deployments.conftest import ANN, BOB, Start, eventually, house
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TOKEN, TelegramApi
from tests.fakes.telegram_values import Fault

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")

HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


def refused(code: int, words: str, **parameters: int) -> Fault:
    return Fault(code, json.dumps({"ok": False, "error_code": code, "description": words, "parameters": parameters}))


AGAIN = "Perhaps you have this already"
FAULTS: dict[str, tuple[Fault, bool]] = {
    "a gateway's page": (Fault(502, HTML), True),
    "a gateway's page after it was taken": (Fault(502, HTML, taken=True), True),
    "a page that says it is well": (Fault(200, HTML), True),
    "cut off after it was taken": (Fault(200, '{"ok": true, "resu', taken=True, torn=True), True),
    "cut off before": (Fault(200, "", torn=True), True),
    "Telegram's own fault": (refused(500, "Internal Server Error"), True),
    "Telegram restarts": (refused(502, "Bad Gateway"), True),
    "a short wait": (refused(429, "Too Many Requests: retry after 1", retry_after=1), False),
}
"""How a message goes wrong, and whether it is in doubt then that it is there."""


@pytest.mark.usefixtures("bot")
async def test_answer_comes_however_telegram_failed_and_says_when_it_may_be_there_already(api: TelegramApi) -> None:
    people = {name: 6000 + number for number, name in enumerate(FAULTS)}
    for name, person in people.items():
        api.person(person)
        api.faults["sendMessage", person] = [FAULTS[name][0]]
        await api.say(person, "/help")
    for name, person in people.items():
        fault, doubt = FAULTS[name]
        came = await api.message(person, "Write what you want", *([AGAIN] if doubt else []))
        assert len(api.messages(person)) == 1 + fault.taken, name
        assert (AGAIN in came.text) is doubt, name
        await api.say(person, "/language")
        await api.message(person, "Which language")


@pytest.mark.usefixtures("bot")
async def test_card_whose_edits_fail_goes_on_as_soon_as_telegram_does(api: TelegramApi, desk: FakeDesk) -> None:
    edits = (
        refused(429, "Too Many Requests: retry after 1", retry_after=1),
        Fault(502, HTML),
        refused(400, "Bad Request: message is not modified: specified new message content is the same", ),
        Fault(200, "", torn=True),
        refused(400, "Bad Request: can't parse entities"),
    )  # fmt: skip
    people = [6100 + number for number, _ in enumerate(edits)]
    for person, fault in zip(people, edits, strict=True):
        api.person(person)
        await api.say(person, f"notes{person}")
        await api.message(person, "waiting for its turn")
        api.faults["editMessageText", person] = [fault]
    for run in await desk.registry.runs():
        await desk.end(run.id, address=f"http://{run.project}.localhost")
    for person in people:
        await api.message(person, f"notes{person} is online")


@pytest.mark.usefixtures("bot")
async def test_card_that_its_person_deleted_and_a_person_who_left_hold_up_nobody(api: TelegramApi, desk: FakeDesk) -> None:
    for person in (ANN, BOB):
        await api.say(person, f"notes{person}")
        await api.message(person, "waiting for its turn")
    api.messages(ANN)[0].deleted = True
    api.people[BOB].blocked = True
    for run in await desk.registry.runs():
        await desk.end(run.id, address=f"http://{run.project}.localhost")
    await api.message(ANN, f"notes{ANN} is online")
    await api.say(ANN, "/help")
    await api.message(ANN, "Write what you want")
    api.people[BOB].blocked = False
    await api.say(BOB, "/status")
    await api.message(BOB, f"notes{BOB} (notes{BOB})")


@pytest.mark.usefixtures("bot")
async def test_press_that_telegram_cannot_answer_over_the_chat_is_answered_in_it(api: TelegramApi) -> None:
    await api.say(ANN, "notes")
    card = await api.message(ANN, "waiting for its turn")
    api.faults["answerCallbackQuery", 0] = [Fault(502, HTML)]
    await api.press(next(button for button in card.buttons if "Stop" in button.label))
    await api.message(ANN, "Stopping notes.")


@pytest.mark.usefixtures("bot")
async def test_file_for_which_telegram_wants_hours_is_refused_with_a_sentence_and_holds_up_nothing(
    api: TelegramApi, desk: FakeDesk, tmp_path: Path
) -> None:
    await api.say(ANN, "notes")
    await api.message(ANN, "waiting for its turn")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "app.py").write_text("x")
    await desk.git.create("notes")
    await desk.git.commit_tree("notes", tmp_path / "work", branch="main", parent=None, message="one", author="a <a@b.c>")
    api.busy(10_000_000, method="sendDocument")
    await api.say(ANN, "/archive")
    await api.message(ANN, "Telegram lets me send no more here for 166667 min")
    await api.say(ANN, "/help")
    await api.message(ANN, "Write what you want")


async def test_polls_that_fail_are_polled_again_and_what_waits_is_answered(api: TelegramApi, start: Start) -> None:
    api.faults["getUpdates", 0] = [
        Fault(502, HTML), Fault(404, HTML), Fault(200, HTML), Fault(200, '{"ok": true, "resu', torn=True),
        refused(409, "Conflict: terminated by other getUpdates request"),
    ]  # fmt: skip
    async with start():
        await api.say(ANN, "/help")
        await api.message(ANN, "Write what you want")


async def test_token_that_is_revoked_ends_the_bot_with_the_cure_and_loses_no_news(
    api: TelegramApi, desk: FakeDesk, tmp_path: Path
) -> None:
    chat = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
    told = Notification(key="1", channel="telegram", chat=str(ANN), text="news", created=datetime.now(UTC))
    async with bot_running(desk, chat, tmp_path / "telegram", house()) as polls:
        await api.until(lambda: api.allowed)
        for method in ("getUpdates", "getMe", "sendMessage"):
            api.faults[method, 0] = [refused(401, "Unauthorized")] * 1000
        await desk.registry.add_notification(told)
        await desk.wakeups.publish("slipway:outbox", "1")
        await api.look()
        await api.say(BOB, "/help")  # ends the poll that waits
        with pytest.raises(ChatTokenRefused, match="@BotFather"):
            await polls.ended()
    assert [each.key for each in await desk.registry.unsent("telegram")] == ["1"]


async def test_news_of_an_operator_whose_group_moved_follow_it(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    api.person(-500), api.person(-100500)
    api.faults["sendMessage", -500] = [refused(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-100500)]
    told = Notification(key="alarm", channel="operator", chat="", text="the disk is full", created=datetime.now(UTC))
    await desk.registry.add_notification(told)
    async with start(operator="-500"):
        await api.message(-100500, "the disk is full")

        async def is_sent() -> bool:
            return not await desk.registry.unsent("operator")

        await eventually(is_sent)
    assert api.messages(-500) == []
