"""What a person of the bot may still begin: looked up before anything that costs money, and again as a run starts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from domain.allowances import Limits, check_money, check_runs, day_of, limits_of, month_of
from domain.protocols import Wakeups
from domain.refusals import LimitReached
from domain.registry import Registry
from tasks.notify import tell_operator


class Allowances:
    """The limits of each person: their own, else the usual ones.

    They hold for what is new. What goes on does so within its project's budget, so a day's money can be passed by that.
    """

    def __init__(self, registry: Registry, wakeups: Wakeups, usual: Limits | None = None) -> None:
        self._registry = registry
        self._wakeups = wakeups
        self._usual = usual or Limits()
        self._starting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def check_money(self, person: str) -> None:
        """Raise LimitReached when the person's money of this day or month is spent; the operator is told once of each."""
        limits, now = await self._limits(person), datetime.now(UTC)
        day = await self._registry.spent_by(person, day_of(now)) if limits.usd_day else 0
        month = await self._registry.spent_by(person, month_of(now)) if limits.usd_month else 0
        try:
            check_money(person, limits, day, month, now)
        except LimitReached as reached:
            which, *_, ends = reached.args
            await tell_operator(f"{which}:{person}:{ends:%Y-%m-%d}", str(reached), self._registry, self._wakeups, now)
            raise

    async def check(self, person: str, run: str) -> None:
        """Raise LimitReached when the person may not begin this run; one that has begun is not counted again."""
        if await self._registry.run(run) is None:
            await self.check_money(person)
            check_runs(person, await self._limits(person), await self._registry.open_runs(person))

    @asynccontextmanager
    async def starting(self, person: str, run: str) -> AsyncIterator[None]:
        """Start the run inside this block; of one person's runs, one after the other, so that two do not pass as one."""
        lock = self._starting.setdefault(person, asyncio.Lock())
        async with lock:
            await self.check(person, run)
            yield

    async def _limits(self, person: str) -> Limits:
        return limits_of(self._usual, (await self._registry.member(person)).own)
