"""A conversation as it is stored: each message once, and each paid one booked. Uses transcripts and the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from domain.conversations import Heard, Message, Part, Payment, ToolUse, Transcripts
from domain.stuck import Exchange, exchanges
from domain.usage import Ledger


@dataclass
class Transcript:
    """Everything that was said, and where the present round begins."""

    conversation: str
    transcripts: Transcripts
    ledger: Ledger
    messages: list[Message] = field(default_factory=list)
    round_start: int = 0

    async def load(self) -> None:
        """Read what is stored, and book the last paid message: its process may have died before it did."""
        self.messages = list(await self.transcripts.load(self.conversation))
        await self._settle(next((message.payment for message in reversed(self.messages) if message.payment), None))

    async def append(
        self, role: Literal["user", "assistant"], parts: Sequence[Part], stop_reason: str = "", payment: Payment | None = None
    ) -> None:
        """Store the message, then book what it cost."""
        message = Message(role=role, parts=tuple(parts), stop_reason=stop_reason, payment=payment)
        await self.transcripts.append(self.conversation, len(self.messages), message)
        self.messages.append(message)
        await self._settle(payment)

    async def _settle(self, payment: Payment | None) -> None:
        if payment:
            await self.ledger.settle(payment.call, payment.tokens, payment.micro_usd)

    @property
    def done(self) -> tuple[Exchange, ...]:
        """The exchanges of this round."""
        return exchanges(self.messages[self.round_start :])

    @property
    def lately(self) -> tuple[Exchange, ...]:
        """The exchanges of this round since the person last said something, which is a new beginning."""
        heard = [n for n, message in enumerate(self.messages) if any(isinstance(part, Heard) for part in message.parts)]
        return exchanges(self.messages[max(self.round_start, *heard[-1:], 0) :])

    @property
    def turn(self) -> int:
        """How many answers there are."""
        return sum(message.role == "assistant" for message in self.messages)

    @property
    def paused(self) -> bool:
        """The last answer is to be sent back as it is, for the model to go on with; one that calls tools waits for results."""
        last = self.messages[-1]
        return last.stop_reason == "pause_turn" and not any(isinstance(part, ToolUse) for part in last.parts)

    @property
    def owes_results(self) -> bool:
        return self.messages[-1].role == "assistant" and not self.paused

    @property
    def answered_by(self) -> str | None:
        """The model that was asked last; None before the first answer."""
        return next((message.payment.model for message in reversed(self.messages) if message.payment), None)
