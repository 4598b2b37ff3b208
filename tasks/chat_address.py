"""Where people talk to a bot. Nothing is changed; uses the vault and Telegram.

The token is part of the address that is asked: it is kept out of every message and log line.
"""

from contextlib import suppress

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import SecretStr

from blocks.telegram import TelegramChat
from domain.environment import TELEGRAM_BOT_TOKEN, EnvironmentVersion
from domain.errors import SlipwayError
from domain.protocols import Vault


@task(task_run_name="ask where {project} is talked to", cache_policy=NO_CACHE)
async def chat_address(project: str, version: EnvironmentVersion, vault: Vault, telegram_api: str | None) -> str:  # noqa: ARG001
    """Return the bot's link by Telegram's own word; empty when it cannot be asked, since the bot serves all the same."""
    reference = version.secrets.get(TELEGRAM_BOT_TOKEN)
    if reference is None:
        return ""
    chat = TelegramChat(token=SecretStr(await vault.get(reference)), api_url=telegram_api)
    with suppress(SlipwayError):
        try:
            return f"https://t.me/{await chat.username()}"
        finally:
            await chat.aclose()
    return ""
