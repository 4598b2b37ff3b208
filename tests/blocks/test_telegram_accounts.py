"""What owners of bots do at Telegram: on the simulator over HTTP, and in memory, by the same rules."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from blocks.telegram_accounts import TelegramAccounts
from domain.bots import BotAccounts, BotCommand, BotProfile
from domain.errors import ChatTokenRefused, ServiceUnreachable
from tests.fakes.bot_accounts import MemoryAccounts
from tests.fakes.telegram_api import TOKEN, TelegramApi, telegram_api

PROFILE = BotProfile(
    name="Notes", description="Keeps notes.", short="Notes", commands=(BotCommand(name="list", description="shows them"),)
)


@pytest_asyncio.fixture
async def api() -> AsyncIterator[TelegramApi]:
    async with telegram_api() as server:
        yield server


@pytest.fixture(params=["memory", "simulator"])
def accounts(request: pytest.FixtureRequest, api: TelegramApi) -> BotAccounts:
    return MemoryAccounts({TOKEN: "slipway_test_bot"}) if request.param == "memory" else TelegramAccounts(api.url)


async def test_token_says_who_it_is_and_another_one_is_refused(accounts: BotAccounts) -> None:
    assert await accounts.username(TOKEN) == "slipway_test_bot"
    for ask in (accounts.username, accounts.wipe):
        with pytest.raises(ChatTokenRefused) as refused:
            await ask("42:" + "B" * 35)
        assert "BBB" not in f"{refused.value} {refused.value.__cause__}"


async def test_bot_is_dressed_and_wiped_any_number_of_times(api: TelegramApi) -> None:
    accounts = TelegramAccounts(api.url)
    for _ in range(2):
        await accounts.dress(TOKEN, PROFILE)
        assert api.profile == {"name": "Notes", "description": "Keeps notes.", "short_description": "Notes"}
        assert api.commands == {"": [{"command": "list", "description": "shows them"}]}
    api.webhook = {"url": "http://127.0.0.1:9/old", "secret": "", "last_error_date": 1}
    api.person(1)
    await api.say(1, "for whoever had it before")
    for _ in range(2):
        await accounts.wipe(TOKEN)
        assert (api.webhook, api.updates, api.commands) == ({}, [], {})
        assert set(api.profile.values()) == {""}


async def test_telegram_that_is_away_is_tried_again() -> None:
    with pytest.raises(ServiceUnreachable):
        await TelegramAccounts("http://127.0.0.1:1").username(TOKEN)
    away = MemoryAccounts(away=True)
    with pytest.raises(ServiceUnreachable):
        await away.username(TOKEN)
