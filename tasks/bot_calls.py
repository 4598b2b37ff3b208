"""How a bot's calls are read, in all the forms in which the Bot API takes them."""

import json
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request


async def parameters(request: Request) -> dict[str, Any]:
    """Read a call's parameters from query, form, multipart or JSON."""
    kind, body = request.headers.get("content-type", ""), await request.body()
    call: dict[str, Any] = dict(request.query_params)
    if kind.startswith("application/json"):
        given = json.loads(body or b"{}")
        return {**call, **given} if isinstance(given, dict) else call
    if kind.startswith("multipart/form-data"):
        return {**call, **_texts_of(kind, body)}
    return {**call, **dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))}


def _texts_of(kind: str, body: bytes) -> dict[str, str]:
    """Return the parts of a form that are texts; files are not looked at."""
    form = BytesParser(policy=HTTP).parsebytes(f"content-type: {kind}\r\n\r\n".encode("latin-1", "replace") + body)
    parts = {str(part.get_param("name", header="content-disposition")): part for part in form.iter_parts()}
    return {name: str(part.get_content()) for name, part in parts.items() if part.get_content_type() == "text/plain"}


def buttons(markup: Any) -> tuple[tuple[str, str], ...]:
    """Return the buttons of an inline or plain keyboard; none of what is no keyboard."""
    try:
        given = json.loads(markup) if isinstance(markup, str) else markup or {}
        rows = given.get("inline_keyboard") or given.get("keyboard") or []
        flat = [button if isinstance(button, dict) else {"text": button} for row in rows for button in row]
        return tuple((str(button["text"]), str(button.get("callback_data") or button["text"])) for button in flat)
    except (ValueError, AttributeError, TypeError, KeyError):
        return ()
