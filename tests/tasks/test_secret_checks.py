"""What a person gave is looked at; a Telegram token is shown to Telegram, and to nobody else."""

import logging
from collections.abc import AsyncIterator

import pytest

from domain.environment import Source, Variable
from domain.errors import ServiceUnreachable, TryAgain
from tasks.secret_checks import complaint_of
from tests.fakes.telegram_api import TOKEN, TelegramApi, telegram_api

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")
BOT = Variable(name="TELEGRAM_BOT_TOKEN", source=Source.USER)
OTHER = f"77:{'x' * 35}"


@pytest.fixture
async def api() -> AsyncIterator[TelegramApi]:
    async with telegram_api(1001) as server:
        yield server


async def test_token_that_telegram_knows_is_good_and_one_it_refuses_is_not(api: TelegramApi) -> None:
    assert await complaint_of(BOT, TOKEN, api.url) is None
    refused = await complaint_of(BOT, OTHER, api.url)
    assert refused is not None
    assert refused.sentence(BOT.name) == "TELEGRAM_BOT_TOKEN was refused: it is no valid Telegram bot token"


async def test_token_of_the_wrong_looks_is_not_even_asked_about(api: TelegramApi) -> None:
    wrong = await complaint_of(BOT, "my bot", api.url)
    assert wrong is not None
    assert wrong.kind == "shape"
    assert api.calls == []


async def test_other_secrets_are_asked_about_nowhere(api: TelegramApi) -> None:
    assert await complaint_of(Variable(name="DOOR_PASSWORD", source=Source.USER), TOKEN, api.url) is None
    assert api.calls == []


async def test_service_that_is_away_is_asked_again_and_no_message_holds_the_token(
    api: TelegramApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "telegram")
    caplog.set_level(logging.INFO, "httpx")
    await complaint_of(BOT, TOKEN, api.url)
    with pytest.raises(ServiceUnreachable) as away:
        await complaint_of(BOT, TOKEN, "http://127.0.0.1:1")
    shown: list[str] = []
    error: BaseException | None = away.value
    while error is not None:
        shown.append(f"{error!r} {error}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert TOKEN not in "".join(shown)
    assert TOKEN not in caplog.text


async def test_service_that_is_busy_is_asked_again(api: TelegramApi) -> None:
    api.busy(3, method="getMe")
    with pytest.raises(TryAgain):
        await complaint_of(BOT, TOKEN, api.url)
