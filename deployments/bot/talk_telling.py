"""What the dialogue says goes through the outbox: each message once, by its key, also when its turn is led again."""

import logging
from datetime import UTC, datetime
from html import escape
from typing import Protocol

from deployments.bot.messages import Said
from deployments.bot.talk_cards import Spoken, messages_of, written
from deployments.wording.explaining import explain
from deployments.wording.texts import say
from domain.errors import SlipwayError
from domain.proposals import Answered
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import Notification
from tasks.notify import OUTBOX

logger = logging.getLogger(__name__)


class Rooms(Protocol):
    """The part of `deployments.desk.requests.Desk` that telling needs."""

    registry: Registry
    wakeups: Wakeups


class Telling:
    """Puts messages into the outbox, and hints its sender."""

    def __init__(self, desk: Rooms) -> None:
        self._desk = desk

    async def answer(self, said: Said, answered: Answered, key: str) -> None:
        """Tell the end of a turn, with its proposal."""
        person = await self._desk.registry.person(said.person)
        await self.tell(*messages_of(answered, key, said.language, person, said.origin, datetime.now(UTC)))

    async def explain(self, said: Said, error: Exception, key: str) -> None:
        """Say in a sentence why there is no answer."""
        await self.text(
            said, explain(said.language, error) if isinstance(error, SlipwayError) else say(said.language, "talk_again"), key
        )

    async def text(self, said: Said, text: str, key: str) -> None:
        """Tell a sentence of our own."""
        spoken = Spoken(html=escape(text, quote=False), language=said.language)
        await self.tell(written(key, spoken, said.origin, datetime.now(UTC)))

    async def tell(self, *messages: Notification) -> None:
        """Put messages into the outbox, in order; one whose key is there already is not put again."""
        for message in messages:
            await self._desk.registry.add_notification(message)
        try:
            await self._desk.wakeups.publish(OUTBOX, messages[0].key)
        except SlipwayError as error:
            logger.info("the outbox's sender looks by itself: %s", error)
