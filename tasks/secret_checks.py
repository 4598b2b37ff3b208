"""Is what a person gave what it should be? By its looks, and a Telegram token by asking Telegram.

True afterwards: nothing changed. A token is part of the address that is asked: it is kept out of every message and log line.
"""

from pydantic import SecretStr

from blocks.telegram import TelegramChat
from domain.complaints import Complaint
from domain.environment import Variable
from domain.errors import ChatTokenRefused
from domain.secret_formats import TELEGRAM, format_of, shape_complaint


async def complaint_of(variable: Variable, value: str, telegram_api: str | None) -> Complaint | None:
    """Say why the value cannot be used; raise an error of the try-again family when its service cannot be asked."""
    wrong = shape_complaint(variable.name, value, variable.comment)
    form = format_of(variable.name, variable.comment)
    if wrong is None and form is not None and form.what == TELEGRAM and await _is_refused(value, telegram_api):
        return Complaint(kind="refused", what=TELEGRAM, like=form.like)
    return wrong


async def _is_refused(token: str, telegram_api: str | None) -> bool:
    chat = TelegramChat(token=SecretStr(token), api_url=telegram_api)
    try:
        await chat.username()
    except ChatTokenRefused:
        return True
    finally:
        await chat.aclose()
    return False
