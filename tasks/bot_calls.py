"""How a bot's calls are read, in all the forms in which the Bot API takes them, and which Telegram would refuse."""

import re
from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from domain.json_text import read_json
from domain.telegram_html import HtmlRefused, parse


async def parameters(request: Request) -> dict[str, Any]:
    """Read a call's parameters from query, form, multipart or JSON."""
    kind, body = request.headers.get("content-type", ""), await request.body()
    call: dict[str, Any] = dict(request.query_params)
    if kind.startswith("application/json"):
        given = read_json(body or b"{}")
        return {**call, **given} if isinstance(given, dict) else call
    if kind.startswith("multipart/form-data"):
        return {**call, **_texts_of(kind, body)}
    return {**call, **dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))}


def _texts_of(kind: str, body: bytes) -> dict[str, str]:
    """Return the parts of a form that are texts; files are not looked at."""
    form = BytesParser(policy=HTTP).parsebytes(f"content-type: {kind}\r\n\r\n".encode("latin-1", "replace") + body)
    parts = {str(part.get_param("name", header="content-disposition")): part for part in form.iter_parts()}
    return {name: str(part.get_content()) for name, part in parts.items() if part.get_content_type() == "text/plain"}


MESSAGE, CAPTION, BUTTON = 4096, 1024, 64
"""Telegram's limits (https://core.telegram.org/bots/api): UTF-16 units of what is seen, bytes of a button's data."""
UNREAD = 16 * MESSAGE
SIGNS = re.compile(r"[*_~`|\\\[\]()]")
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)


def refusal(method: str, call: Mapping[str, Any]) -> str:
    """Return in Telegram's words why a call (its name in lower case) is refused for its length or HTML; empty when it is not.

    Markdown is not read: its signs are not counted, and so never too much is.
    """
    mode = str(call.get("parse_mode", ""))
    if any(len(data.encode("utf-8", "replace")) > BUTTON for data in _callbacks(call.get("reply_markup"))):
        return "BUTTON_DATA_INVALID"
    try:
        if method in ("sendmessage", "editmessagetext"):
            length = _units(call.get("text"), mode)
            return "message text is empty" if not length else "message is too long" if length > MESSAGE else ""
        return "message caption is too long" if _units(call.get("caption"), mode) > CAPTION else ""
    except HtmlRefused as refused:
        return f"can't parse entities: {refused}"


def _units(text: Any, mode: str) -> int:
    """Count the UTF-16 units that a person sees; raise HtmlRefused. What is long beyond all measure is not read."""
    seen = str(text or "")
    if mode.lower() == "html" and len(seen) < UNREAD:
        seen, _ = parse(seen)
    elif mode:
        seen = SIGNS.sub("", seen)
    return len(seen.strip().encode("utf-16-le", "replace")) // 2


def buttons(markup: Any) -> tuple[tuple[str, str], ...]:
    """Return the buttons of an inline or plain keyboard; none of what is no keyboard."""
    try:
        return tuple((str(key["text"]), str(key.get("callback_data") or key["text"])) for key in _keys(markup))
    except (ValueError, AttributeError, TypeError, KeyError):
        return ()


def _callbacks(markup: Any) -> tuple[str, ...]:
    """Return the data of buttons that carry some; none of what is no keyboard."""
    try:
        return tuple(str(key["callback_data"]) for key in _keys(markup) if "callback_data" in key)
    except (ValueError, AttributeError, TypeError):
        return ()


def _keys(markup: Any) -> list[dict[str, Any]]:
    given = read_json(markup) if isinstance(markup, str) else markup or {}
    rows = given.get("inline_keyboard") or given.get("keyboard") or []
    return [key if isinstance(key, dict) else {"text": key} for row in rows for key in row]
