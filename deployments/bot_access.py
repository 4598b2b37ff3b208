"""Who may use the bot, decided before anything of Telegram is loaded."""

from collections.abc import Iterable

from domain.errors import BadInput


def check_access(isolates: bool, allowed: Iterable[int]) -> None:
    """Raise BadInput when strangers could run code on this machine without isolation."""
    if not isolates and not tuple(allowed):
        raise BadInput(
            "the bot does not start: without a Docker engine nothing isolates what strangers' requests run. "
            "Start Docker, or name the people who may use the bot: SLIPWAY_TELEGRAM_ALLOWED=<numeric Telegram ids>"
        )
