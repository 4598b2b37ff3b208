"""Updates as they come from Telegram: one that the vendor cannot read holds up none of the others."""

import logging
from typing import Any

from telegram import Update
from telegram.request import HTTPXRequest

logger = logging.getLogger(__name__)

UNREADABLE = (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError)


class UpdatesRequest(HTTPXRequest):
    """Asks for updates. The vendor reads a batch whole or not at all: one that it cannot read would come again for ever,

    with all that came with it, and be written to the log each time.
    """

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Return the answer, of an update that cannot be read its number alone: so it is confirmed like any other."""
        answer: dict[str, Any] = HTTPXRequest.parse_json_payload(payload)
        if isinstance(answer, dict) and isinstance(found := answer.get("result"), list):
            answer["result"] = [_readable(each) for each in found]
        return answer


def _readable(update: dict[str, Any]) -> dict[str, Any]:
    try:
        Update.de_json(update)
    except UNREADABLE as error:
        logger.error("update %s cannot be read (%s) and is left out", update.get("update_id"), type(error).__name__)  # noqa: TRY400
        return {"update_id": update["update_id"]}
    return update
