"""The older part of a conversation in short, by a paid model call of its own. Uses a model and the ledger."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from domain.conversations import Message, ModelCall, Payment, Summary, Text
from domain.errors import ModelRequestRefused
from domain.summaries import ASK
from domain.values import Value
from tasks.model_calls import PaidReply

log = logging.getLogger("slipway.agent")


class InShort(Value):
    """What the model wrote; empty when it wrote nothing that can be used."""

    text: str
    payment: Payment | None


async def said_in_short(
    call: ModelCall, messages: Sequence[Message], reply_to: Callable[[ModelCall], Awaitable[PaidReply]]
) -> InShort:
    """Ask for a summary of all that `call` shows, after the same prefix, which is read from the cache.

    It is a conversation of its own to the ledger and to a recorded session. A service that refuses it, as when the messages
    do not even fit any more, leaves the text empty.
    """
    earlier = sum(isinstance(part, Summary) for message in messages for part in message.parts)
    asked = Message(role="user", parts=(Text(text=ASK),))
    changes = {"conversation": f"{call.conversation}/summary", "turn": earlier, "messages": (*call.messages, asked)}
    try:
        paid = await reply_to(call.model_copy(update=changes))
    except ModelRequestRefused as refused:
        log.warning("%s: no summary could be made: %s", call.conversation, refused)
        return InShort(text="", payment=None)
    words = "\n".join(part.text for part in paid.reply.parts if isinstance(part, Text))
    return InShort(text=words, payment=paid.payment)
