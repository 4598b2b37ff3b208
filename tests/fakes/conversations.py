"""Transcripts, remarks and a ledger in memory, with the rules of the real ones."""

from collections.abc import Sequence
from datetime import UTC, datetime

from domain.conversations import Message
from domain.errors import BudgetSpent
from domain.remarks import Remark
from domain.usage import Cost, TokenUsage


class MemoryTranscripts:
    """Positions are filled in order; a position holds one message for ever."""

    def __init__(self) -> None:
        self.stored: dict[str, list[Message]] = {}

    async def load(self, conversation: str) -> Sequence[Message]:
        return tuple(self.stored.get(conversation, ()))

    async def append(self, conversation: str, position: int, message: Message) -> None:
        messages = self.stored.setdefault(conversation, [])
        assert position <= len(messages), f"position {position} would leave a gap after {len(messages)}"
        if position < len(messages):
            assert messages[position] == message, f"position {position} holds another message"
            return
        messages.append(message)


class MemoryRemarks:
    """Remarks to one run, numbered from 1."""

    def __init__(self) -> None:
        self.said: list[Remark] = []

    def say(self, text: str) -> None:
        at = datetime(2026, 11, 23, tzinfo=UTC)
        self.said.append(Remark(run="r-abc123", sequence=len(self.said) + 1, at=at, person="me", text=text))

    async def remarks(self, run: str, after: int = 0) -> Sequence[Remark]:
        return tuple(remark for remark in self.said if remark.run == run and remark.sequence > after)


class MemoryLedger:
    """One budget for all; every reservation must be settled or released."""

    def __init__(self, budget_micro_usd: int = 10**12) -> None:
        self.budget = budget_micro_usd
        self.reserved: dict[str, int] = {}
        self.models: dict[str, str] = {}
        """For which model each call was reserved, also after it was settled."""
        self.most: dict[str, int] = {}
        """What was reserved for each call, also after it was settled."""
        self.settled: dict[str, tuple[TokenUsage, int | None]] = {}
        self.released: list[str] = []

    async def reserve(self, call: str, project: str, run: str, node: str, model: str, micro_usd: int) -> None:
        if call in self.reserved or call in self.settled:
            return
        used = (await self.cost()).micro_usd + sum(self.reserved.values())
        if used + micro_usd > self.budget:
            raise BudgetSpent(project, self.budget / 1e6, used / 1e6)
        self.reserved[call] = self.most[call] = micro_usd
        self.models[call] = model

    async def settle(self, call: str, tokens: TokenUsage, micro_usd: int | None) -> None:
        assert call in self.reserved or call in self.settled, f"{call} was never reserved"
        self.reserved.pop(call, None)
        self.settled[call] = (tokens, micro_usd)

    async def release(self, call: str) -> None:
        self.reserved.pop(call, None)
        self.released.append(call)

    async def cost(self, project: str | None = None, run: str | None = None) -> Cost:
        spent = sum(micro_usd or 0 for _, micro_usd in self.settled.values())
        return Cost(calls=len(self.settled), micro_usd=spent, reserved_micro_usd=sum(self.reserved.values()))
