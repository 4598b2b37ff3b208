"""What is expected of runs, for all cards: they share one look at what runs and waits."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from domain.forecasts import Outlook, outlook
from domain.registry import Registry
from domain.runs import Run
from domain.values import Value

AGE = 3.0
"""Seconds for which one look at all runs does: as long as between two looks of a card."""


class Looked(Value):
    """All runs and the kinds of their projects, as they were."""

    at: float
    runs: tuple[Run, ...]
    kinds: Mapping[str, str]


class Outlooks:
    """Looks up what is expected of a run while it waits for its turn, and once more when it has begun."""

    def __init__(self, registry: Registry, age: float = AGE, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._age = age
        self._clock = clock
        self._expected: dict[str, Outlook] = {}
        self._looked: Looked | None = None
        self._looking = asyncio.Lock()

    async def of(self, run: Run) -> Outlook:
        """Return what is expected of the run."""
        known = self._expected.get(run.id)
        if known is None or known.place:
            looked = await self._look()
            known = self._expected[run.id] = outlook(run, looked.runs, looked.kinds)
        return known

    def forget(self, run: str) -> None:
        """Let go of a run that nobody follows any more."""
        self._expected.pop(run, None)

    async def _look(self) -> Looked:
        async with self._looking:
            now = self._clock()
            if self._looked is None or now - self._looked.at >= self._age:
                self._looked = Looked(at=now, runs=tuple(await self._runs()), kinds=await self._kinds())
            return self._looked

    async def _runs(self) -> Sequence[Run]:
        return await self._registry.runs(limit=200)

    async def _kinds(self) -> Mapping[str, str]:
        return {project.slug: project.kind for project in await self._registry.projects()}
