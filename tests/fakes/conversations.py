"""Transcripts, remarks and a ledger in memory, with the rules of the real ones."""

from collections.abc import Sequence
from datetime import UTC, datetime

from domain.conversations import Message
from domain.errors import Broken, BudgetSpent, UnknownObject
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
        if messages[position : position + 1] == [message]:
            return
        if position != len(messages):
            cause = "another message stands there" if position < len(messages) else f"the next position is {len(messages)}"
            raise Broken(f"cannot append to conversation {conversation} at {position}: {cause}")
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
    """A budget for each project; every reservation must be settled or released, and the first settlement stands."""

    def __init__(self, budget_micro_usd: int = 10**12) -> None:
        self.budget = budget_micro_usd
        self.reserved: dict[str, int] = {}
        self.owners: dict[str, tuple[str, str]] = {}
        """Project and run of each call."""
        self.models: dict[str, str] = {}
        """For which model each call was reserved, also after it was settled."""
        self.most: dict[str, int] = {}
        """What was reserved for each call, also after it was settled."""
        self.settled: dict[str, tuple[TokenUsage, int | None]] = {}
        self.released: list[str] = []

    async def reserve(self, call: str, project: str, run: str, node: str, model: str, micro_usd: int) -> None:
        if call in self.reserved or call in self.settled:
            return
        sums = await self.cost(project)
        used = sums.micro_usd + sums.reserved_micro_usd
        if used + micro_usd > self.budget:
            raise BudgetSpent(project, self.budget / 1e6, used / 1e6)
        self.reserved[call] = self.most[call] = micro_usd
        self.owners[call], self.models[call] = (project, run), model

    async def settle(self, call: str, tokens: TokenUsage, micro_usd: int) -> None:
        if call not in self.reserved and call not in self.settled:
            raise UnknownObject("reservation", call)
        self.reserved.pop(call, None)
        self.settled.setdefault(call, (tokens, micro_usd))

    async def release(self, call: str) -> None:
        self.reserved.pop(call, None)
        self.released.append(call)

    async def rebook(self, run: str, project: str) -> None:
        self.owners |= {call: (project, run) for call, owner in self.owners.items() if owner[1] == run}

    async def cost(self, project: str | None = None, run: str | None = None) -> Cost:
        def wanted(call: str) -> bool:
            return all(asked in (None, owner) for asked, owner in zip((project, run), self.owners[call], strict=True))

        paid = [line for call, line in self.settled.items() if wanted(call)]
        return Cost(
            calls=len(paid),
            tokens=TokenUsage(**{name: sum(getattr(line, name) for line, _ in paid) for name in TokenUsage.model_fields}),
            micro_usd=sum(micro_usd for _, micro_usd in paid),
            reserved_micro_usd=sum(money for call, money in self.reserved.items() if wanted(call)),
        )
