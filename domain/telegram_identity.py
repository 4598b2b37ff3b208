"""Who somebody is by Telegram's word: init data of a Mini App, and what the Login widget returns.

Both are fields with an HMAC-SHA256 over their sorted lines, under keys that are derived from the bot's token in two different
ways, so that neither passes for the other:
https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
https://core.telegram.org/widgets/login#checking-authorization
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from pydantic import Field, ValidationError

from domain.admission import CHAT
from domain.errors import NeedsPerson
from domain.values import Value

AGE = timedelta(minutes=10)
"""How old what Telegram has signed may be; it is believed once within that time."""
AHEAD = timedelta(minutes=1)
"""How far its clock may be before ours."""
LENGTH = 4096
"""Characters of all fields together; Telegram's own have about a thousand."""
HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
LINES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What could pass for the end of a line: with it one field could be read as two."""


class Word(StrEnum):
    """In which of its two ways Telegram has said it."""

    MINI_APP = "mini app"
    WIDGET = "login widget"


class NotBelieved(NeedsPerson):
    """Telegram has not said this, or too long ago: (why)."""

    def __str__(self) -> str:
        return f"{self.args[0]}: open the page from the bot again"


class TelegramPerson(Value):
    """Somebody whom Telegram has named."""

    user: int = Field(gt=0, lt=2**53)
    first_name: str = ""
    language: str = ""
    """BCP 47 tag of their app; empty when it was not said."""
    hash: str
    """Of what Telegram has signed: by it the same word is known when it comes again."""

    @property
    def name(self) -> str:
        """Return the registry's name of the person."""
        return f"{CHAT}{self.user}"


def telegram_person(said: str, word: Word, token: str, now: datetime) -> TelegramPerson:
    """Return whom the fields, a query string, name; raise NotBelieved for what Telegram has not said within `AGE`."""
    fields = _fields(said)
    shown = fields.pop("hash", "")
    if not token or not HASH.fullmatch(shown) or not hmac.compare_digest(signature(fields, word, token), shown):
        raise NotBelieved("Telegram has not signed this for our bot")
    _check_age(fields.get("auth_date", ""), now)
    return _mini_app_user(fields, shown) if word is Word.MINI_APP else _widget_user(fields, shown)


def signature(fields: Mapping[str, str], word: Word, token: str) -> str:
    """Return the HMAC over all fields but `hash`, in hex."""
    key = (
        hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
        if word is Word.MINI_APP
        else hashlib.sha256(token.encode()).digest()
    )
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    return hmac.new(key, lines.encode(), hashlib.sha256).hexdigest()


def _fields(said: str) -> dict[str, str]:
    if len(said) > LENGTH:
        raise NotBelieved("that is more than Telegram says")
    try:
        pairs = parse_qsl(said, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=40)
        said.encode()
    except ValueError:
        raise NotBelieved("Telegram does not say it so") from None
    if len(dict(pairs)) != len(pairs) or any(LINES.search(part) for pair in pairs for part in pair):
        raise NotBelieved("Telegram does not say it so")
    return dict(pairs)


def _check_age(signed: str, now: datetime) -> None:
    if not NUMBER.fullmatch(signed) or int(signed) > 2**40:
        raise NotBelieved("Telegram has not said when")
    age = now - datetime.fromtimestamp(int(signed), UTC)
    if not -AHEAD <= age <= AGE:
        raise NotBelieved("Telegram has said this too long ago" if age > AGE else "this machine's clock is late")


def _mini_app_user(fields: Mapping[str, str], shown: str) -> TelegramPerson:
    try:
        user: Any = json.loads(fields.get("user", ""))
        if isinstance(user, dict) and user.get("is_bot", False) is False and type(user.get("id")) is int:
            return _person(user["id"], user.get("first_name"), user.get("language_code"), shown)
    except (ValueError, RecursionError):
        pass
    raise NotBelieved("Telegram has not said who it is")


def _widget_user(fields: Mapping[str, str], shown: str) -> TelegramPerson:
    if not NUMBER.fullmatch(fields.get("id", "")):
        raise NotBelieved("Telegram has not said who it is")
    try:
        return _person(int(fields["id"]), fields.get("first_name"), "", shown)
    except ValidationError:
        raise NotBelieved("Telegram has not said who it is") from None


def _person(user: int, first_name: object, language: object, shown: str) -> TelegramPerson:
    name = "".join(each for each in str(first_name or "") if each.isprintable())[:64]
    return TelegramPerson(user=user, first_name=name, language=str(language or "")[:20], hash=shown)
