"""Whether the bot may start: what the operator reads when it may not."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deployments.bot.access import has_bot
from deployments.bot.service import has_dialogue
from deployments.checks.doctor import telegram
from deployments.settings import Settings
from tests.fakes.telegram_api import TOKEN, TelegramApi, telegram_api

ANN = 1001


@pytest.fixture
async def api() -> AsyncIterator[TelegramApi]:
    async with telegram_api() as server:
        yield server


def settings(folder: Path, url: str, token: str | None = TOKEN, allowed: tuple[int, ...] = (ANN,)) -> Settings:
    return Settings(
        home=folder,
        engine="process",
        telegram_token=SecretStr(token) if token else None,
        telegram_api_url=url,
        telegram_allowed=allowed,
    )


async def test_bot_that_may_run_is_named(api: TelegramApi, tmp_path: Path) -> None:
    said: list[str] = []
    assert await has_bot(settings(tmp_path, api.url), False, said.append)
    assert said == ["the bot answers as @slipway_test_bot"]
    assert (await telegram(settings(tmp_path, api.url))).ok


async def test_wrong_token_is_one_sentence_with_the_cure_and_never_shown(api: TelegramApi, tmp_path: Path) -> None:
    wrong, said = settings(tmp_path, api.url, "42:AAwrong"), list[str]()
    assert not await has_bot(wrong, False, said.append)
    finding = await telegram(wrong)
    assert said == [f"Telegram is off: {finding.cure}"]
    assert finding.ok is False
    assert "@BotFather" in finding.cure
    assert "AAwrong" not in finding.cure


async def test_strangers_are_not_let_in_where_nothing_isolates(api: TelegramApi, tmp_path: Path) -> None:
    said: list[str] = []
    assert not await has_bot(settings(tmp_path, api.url, allowed=()), False, said.append)
    assert len(said) == 1
    assert "SLIPWAY_TELEGRAM_ALLOWED" in said[0]
    assert api.calls == []


async def test_bot_is_started_while_telegram_is_away_and_not_without_a_token(tmp_path: Path) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert await has_bot(settings(tmp_path, url), False, said.append)
    assert said == ["Telegram does not answer yet; the bot goes on trying"]
    assert not await has_bot(settings(tmp_path, url, token=None), False, said.append)
    assert (await telegram(settings(tmp_path, url))).ok is None


@pytest.mark.usefixtures("no_settings")
@pytest.mark.parametrize(("given", "talks"), [({}, True), ({"chat_approval": False}, False), ({"replay": "."}, False)])
def test_people_are_talked_with_unless_the_settings_say_otherwise_or_a_session_is_played(
    given: dict[str, Any], *, talks: bool
) -> None:
    assert has_dialogue(Settings.model_validate(given)) is talks


@pytest.mark.usefixtures("no_settings")
def test_session_that_is_recorded_knows_requests_only(tmp_path: Path) -> None:
    assert not has_dialogue(Settings.model_validate({"record": tmp_path / "session"}))
