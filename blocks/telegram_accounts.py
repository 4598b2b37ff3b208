"""Telegram as the owner of a bot's token: who the bot is, and what it says of itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr
from telegram import Bot, BotCommand
from telegram.error import TelegramError

from blocks.telegram import bot_client, translated
from domain.bots import BLANK, BotProfile


class TelegramAccounts:
    """Fulfils `domain.bots.BotAccounts`; `api_url` is another Bot API server than Telegram's own."""

    def __init__(self, api_url: str | None = None) -> None:
        self._api_url = api_url

    async def username(self, token: str) -> str:
        """Ask Telegram who this bot is."""
        async with self._asked(token, "asking who a bot is") as bot:
            return (await bot.get_me()).username or ""

    async def dress(self, token: str, profile: BotProfile) -> None:
        """Set name, descriptions and commands."""
        async with self._asked(token, "naming a bot") as bot:
            await _say(bot, profile)

    async def wipe(self, token: str) -> None:
        """Clear webhook, waiting updates, commands, name and descriptions."""
        async with self._asked(token, "clearing a bot") as bot:
            await bot.delete_webhook(drop_pending_updates=True)
            await _say(bot, BLANK)

    @asynccontextmanager
    async def _asked(self, token: str, attempted: str) -> AsyncIterator[Bot]:
        bot = bot_client(SecretStr(token), self._api_url)
        try:
            yield bot
        except TelegramError as error:
            raise translated(error, attempted) from None  # the vendor's text can hold the token
        finally:
            await bot.request.shutdown()


async def _say(bot: Bot, profile: BotProfile) -> None:
    """Set it all; the name comes last, since Telegram lets a bot's name be changed only a few times a day."""
    await bot.set_my_description(profile.description)
    await bot.set_my_short_description(profile.short)
    if profile.commands:
        await bot.set_my_commands([BotCommand(each.name, each.description) for each in profile.commands])
    else:
        await bot.delete_my_commands()
    await bot.set_my_name(profile.name)
