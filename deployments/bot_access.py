"""Whether the bot may start, decided before it does: who may use it, and whether Telegram knows its token."""

from collections.abc import Callable, Iterable

from deployments.settings import Settings
from domain.errors import BadInput, ChatTokenRefused, NeedsPerson, SlipwayError


def check_access(isolates: bool, allowed: Iterable[int]) -> None:
    """Raise BadInput when strangers could run code on this machine without isolation."""
    if not isolates and not tuple(allowed):
        raise BadInput(
            "the bot does not start: without a Docker engine nothing isolates what strangers' requests run. "
            "Start Docker, or name the people who may use the bot: SLIPWAY_TELEGRAM_ALLOWED=<numeric Telegram ids>"
        )


async def check_bot(settings: Settings, isolates: bool) -> str:
    """Return the bot's name on Telegram, empty when Telegram cannot be asked now.

    Raises BadInput or ChatTokenRefused when the bot must not start. There must be a token.
    """
    check_access(isolates, settings.telegram_allowed)
    from blocks.telegram import TelegramChat  # loads the vendor's library

    if settings.telegram_token is None:
        raise BadInput("there is no bot token: get one from @BotFather and set SLIPWAY_TELEGRAM_TOKEN")
    chat = TelegramChat(token=settings.telegram_token, api_url=settings.telegram_api_url)
    try:
        return await chat.username()
    except ChatTokenRefused:
        raise
    except SlipwayError:  # not reachable, or busy: the bot itself goes on trying
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
