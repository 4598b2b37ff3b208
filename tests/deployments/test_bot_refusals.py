"""Whom the bot does not serve, what it does not take, and what it says when something fails."""

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.telegram import TelegramChat
from deployments.bot.access import check_access
from deployments.bot.service import bot_running, log_without_token
from domain.admission import Rules
from domain.errors import BadInput, ChatTokenRefused, ModelKeyRefused, ModelOverloaded
from tests.deployments.conftest import ANN, BOB, Start, begun, eventually, house
from tests.fakes.desk import FakeDesk, a_brief
from tests.fakes.telegram_api import TOKEN, TelegramApi

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")


async def test_only_people_on_the_list_are_served(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    async with start(BOB):
        await api.say(ANN, "notes")
        refused = await api.message(ANN, "only the people on its list")
        assert str(ANN) in refused.text
        await begun(api, desk, BOB, "notes")
    assert desk.proposed == ["notes"]


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
    await api.message(ANN, "I cannot make use of this kind of message")
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
@pytest.mark.parametrize(
    "content",
    [{"text": "hi", "entities": [{"type": "bold"}]}, {"contact": {}}, {"text": {"nested": []}, "entities": 5}],
)
async def test_update_that_nobody_can_read_holds_up_no_other(
    api: TelegramApi, content: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    await api.send_other(ANN, **content)
    await api.say(BOB, "/help")
    await api.message(BOB, "Write what you want")
    assert "cannot be read" in caplog.text
    assert "Received data" not in caplog.text


async def test_wrong_token_ends_the_bot_with_the_cure(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> None:
    chat = TelegramChat(token=SecretStr("42:wrong"), api_url=api.url)
    with pytest.raises(ChatTokenRefused, match="@BotFather"):
        async with bot_running(desk, chat, tmp_path / "telegram", house()):
            raise AssertionError("it must not start")


async def test_log_never_holds_the_token(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log_without_token()
    caplog.set_level(logging.INFO)
    wrong = TelegramChat(token=SecretStr("42:AAwrong"), api_url=api.url)
    with pytest.raises(ChatTokenRefused):
        async with bot_running(desk, wrong, tmp_path / "other", house()):
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
        check_access(isolates=False, rules=Rules())
    assert check_access(isolates=False, rules=Rules(access="list")) is None
    assert check_access(isolates=True, rules=Rules()) is None
