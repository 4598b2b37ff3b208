"""Whether the bot may start, decided before it does: who may use it, and whether Telegram knows its token."""

from collections.abc import Callable

from pydantic import SecretStr

from deployments.settings import Settings
from domain.admission import Rules
from domain.errors import BadInput, ChatTokenRefused, NeedsPerson, SlipwayError


def check_access(isolates: bool, rules: Rules) -> None:
    """Raise BadInput when strangers could run code on this machine without isolation."""
    if not isolates and rules.access == "open":
        raise BadInput(
            "the bot does not start: without a Docker engine nothing isolates what strangers' requests run. "
            "Start Docker, or name the people who may use the bot: SLIPWAY_TELEGRAM_ALLOWED=<numeric Telegram ids>, "
            "or invite them: SLIPWAY_TELEGRAM_ACCESS=invite and `slipway invite`"
        )


async def check_bot(settings: Settings, isolates: bool) -> str:
    """Return the bot's name on Telegram, empty when Telegram cannot be asked now.

    Raises BadInput or ChatTokenRefused when the bot must not start. There must be a token.
    """
    check_access(isolates, settings.people)
    if settings.telegram_token is None:
        raise BadInput("there is no bot token: get one from @BotFather and set SLIPWAY_TELEGRAM_TOKEN")
    return await bot_name(settings.telegram_token.get_secret_value(), settings.telegram_api_url)


async def bot_name(token: str, api_url: str | None) -> str:
    """Return the name of the token's bot; empty without a token, or when Telegram cannot be asked now.

    Raises ChatTokenRefused when Telegram does not know the token.
    """
    from blocks.telegram import TelegramChat  # loads the vendor's library

    if not token:
        return ""
    chat = TelegramChat(token=SecretStr(token), api_url=api_url)
    try:
        return await chat.username()
    except ChatTokenRefused:
        raise
    except SlipwayError:  # not reachable, or busy
        return ""
    finally:
        await chat.aclose()


async def has_bot(settings: Settings, isolates: bool, report: Callable[[str], None]) -> bool:
    """Tell whether the bot is to run; one that must not start is told of in one sentence, and the rest goes on."""
    if settings.telegram_token is None:
        return False
    try:
        name = await check_bot(settings, isolates)
    except NeedsPerson as error:
        report(f"Telegram is off: {error}")
        return False
    report(f"the bot answers as @{name}" if name else "Telegram does not answer yet; the bot goes on trying")
    return True
