"""Tokens, prices and budgets. Money is USD, in micro-dollars (integers) wherever it is added up."""

from datetime import datetime
from typing import Protocol

from pydantic import Field

from domain.values import Value


class TokenUsage(Value):
    """Tokens of one call, as the Messages API counts them: `input` excludes cached ones."""

    input: int = Field(default=0, ge=0)
    output: int = Field(default=0, ge=0)
    cache_read: int = Field(default=0, ge=0)
    cache_write: int = Field(default=0, ge=0)


class UsageLine(Value):
    """One settled call in the ledger."""

    call: str
    project: str
    run: str
    node: str
    model: str
    tokens: TokenUsage
    micro_usd: int
    at: datetime


class Reservation(Value):
    """A call whose worst case is set aside, and of which nothing more is known."""

    call: str
    run: str
    micro_usd: int
    at: datetime


class Cost(Value):
    """Sum over ledger lines."""

    calls: int = 0
    tokens: TokenUsage = TokenUsage()
    micro_usd: int = 0
    reserved_micro_usd: int = 0

    @property
    def usd(self) -> float:
        return self.micro_usd / 1_000_000


class Ledger(Protocol):
    """Reserves before a call is sent, settles after: a project cannot overspend."""

    async def reserve(self, call: str, project: str, run: str, node: str, model: str, micro_usd: int) -> None:
        """Set the worst case aside, atomically among processes; raise BudgetSpent when it does not fit.

        `call` is the identity: reserving a settled or reserved call again changes nothing.
        """
        ...

    async def settle(self, call: str, tokens: TokenUsage, micro_usd: int) -> None:
        """Replace the reservation by what was spent."""
        ...

    async def release(self, call: str) -> None:
        """Give back the reservation of a call that was never answered."""
        ...

    async def rebook(self, run: str, project: str) -> None:
        """Book all lines of the run to the project: its Brief was paid for before the project had a name."""
        ...

    async def cost(self, project: str | None = None, run: str | None = None) -> Cost: ...
