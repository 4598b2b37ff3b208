"""devops and the bot pool: a bot of the pool is the token that the environment needs, and with none free it is missing."""

from pathlib import Path

import pytest

from blocks.registry.block import SqlRegistry
from blocks.telegram_accounts import TelegramAccounts
from domain.env_rules import requirements
from domain.environment import EnvironmentVersion, Missing
from flows.devops import take_bot
from tasks.bot_upkeep import add_bot
from tasks.secret_resolver import resolve_environment
from tests.fakes.telegram_api import TOKEN, telegram_api
from tests.flows.releases_bench import Site, in_flow, site
from tests.tasks.conftest import NOW, registry  # noqa: F401  (a fixture)

pytestmark = pytest.mark.usefixtures("prefect_api")

NEEDS = requirements("TELEGRAM_BOT_TOKEN=\n")


async def environment(place: Site, telegram: str) -> EnvironmentVersion | Missing:
    """Go through devops' two steps for a project that talks."""
    at = place.blocks
    await take_bot("notes", NEEDS, at)
    return await resolve_environment.fn("notes", NEEDS, {}, at.vault, at.registry, telegram)


async def test_token_is_missing_until_the_pool_has_a_free_bot(registry: SqlRegistry, tmp_path: Path) -> None:  # noqa: F811
    async with site(registry, tmp_path) as place, telegram_api() as api:
        at = place.blocks
        at.accounts = TelegramAccounts(api.url)
        assert await in_flow(lambda: environment(place, api.url)) == Missing(names=("TELEGRAM_BOT_TOKEN",))
        await add_bot(TOKEN, "me", "", at.registry, at.vault, at.accounts, NOW)
        version = await in_flow(lambda: environment(place, api.url))
        assert isinstance(version, EnvironmentVersion)
        assert await at.vault.get(version.secrets["TELEGRAM_BOT_TOKEN"]) == TOKEN
        assert api.profile["name"] == "Notes"
