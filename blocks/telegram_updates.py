"""Updates as they come from Telegram: one that the vendor cannot read holds up none of the others."""

import json
import logging
from datetime import datetime
from typing import Any

from telegram import Update
from telegram.error import NetworkError
from telegram.request import HTTPXRequest

logger = logging.getLogger(__name__)

UNREADABLE = (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError)


OUTLINE = {"message": ("message_id", "date", "chat", "from"), "callback_query": ("id", "from", "chat_instance")}
"""What is kept of an update that cannot be read, by its kind."""
TOKEN_REFUSED = (401, 404)


class PollRefused(NetworkError):
    """Telegram does not know the token, or a server in between says so."""


class UpdatesRequest(HTTPXRequest):
    """Asks for updates. The vendor reads a batch whole or not at all: one that it cannot read would come again for ever,

    with all that came with it, and be written to the log each time. And it gives polling up, without a word to anybody, at
    the first answer that its token is not known: that is told as what may pass, and who polls decides.
    """

    async def do_request(self, *args: Any, **named: Any) -> tuple[int, bytes]:
        """Ask as the vendor does; raise PollRefused."""
        status, body = await super().do_request(*args, **named)
        if status in TOKEN_REFUSED:
            raise PollRefused(f"status {status}")
        return status, body

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Return the answer, with its updates as far as they can be read: so each is confirmed."""
        answer: dict[str, Any] = HTTPXRequest.parse_json_payload(payload)
        if isinstance(answer, dict) and isinstance(found := answer.get("result"), list):
            answer["result"] = [readable(each) for each in found if isinstance(each, dict)]
        return answer


def readable(update: dict[str, Any]) -> dict[str, Any]:
    """Return the update; of one that cannot be read, or not be written down, only who said something, and where.

    So its person hears that this kind is not understood. Where even that cannot be read, its number is left.
    """
    for shown in (update, outline(update)):
        try:
            as_json(Update.de_json(shown))
        except UNREADABLE as error:
            logger.error("update %s cannot be read (%s)", update.get("update_id"), type(error).__name__)  # noqa: TRY400
        else:
            return shown
    return {"update_id": update["update_id"]}


def as_json(update: Update) -> str:
    """Write it down; the vendor's own `to_json` raises for a message within it that is gone, as a pinned one: its time is 0."""
    return json.dumps(update.to_dict(), default=_timestamp)


def _timestamp(value: object) -> int:
    if not isinstance(value, datetime):
        raise TypeError(type(value).__name__)
    return int(value.timestamp())


def outline(update: dict[str, Any]) -> dict[str, Any]:
    """Return an update without its content."""
    found = {kind: update[kind] for kind in OUTLINE if isinstance(update.get(kind), dict)}
    bare = {kind: {name: each[name] for name in OUTLINE[kind] if name in each} for kind, each in found.items()}
    return {"update_id": update["update_id"], **bare}
