"""Proxy and wake-ups in memory, with the rules of the real ones."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from domain.errors import LeaseLost, ServiceUnreachable
from domain.routes import Route


class MemoryProxy:
    """Holds routes by project; `flying` scripts what is in flight to an upstream, its last figure stays."""

    def __init__(self) -> None:
        self.held: dict[str, Route] = {}
        self.switches: list[Route] = []
        self.fences: dict[str, int] = {}
        self.flying: dict[str, list[int]] = {}
        self.reachable = True

    async def prepare(self) -> None:
        self._check()

    async def set_route(self, route: Route, fence: int) -> None:
        self._pass(route.project, fence)
        self.held[route.project] = route
        self.switches.append(route)

    async def remove_route(self, project: str, fence: int | None = None) -> None:
        self._pass(project, fence)
        self.held.pop(project, None)

    async def routes(self) -> Sequence[Route]:
        self._check()
        return list(self.held.values())

    async def in_flight(self, upstream: str) -> int:
        self._check()
        script = self.flying.get(upstream, [0])
        return script.pop(0) if len(script) > 1 else script[0]

    def _pass(self, project: str, fence: int | None) -> None:
        self._check()
        if fence is not None and fence < self.fences.get(project, 0):
            raise LeaseLost(project, f"a process with fence {fence}")
        self.fences[project] = self.fences.get(project, 0) if fence is None else fence

    def _check(self) -> None:
        if not self.reachable:
            raise ServiceUnreachable("Caddy", "answering the test")


class MemoryWakeups:
    """Locks with owners; published hints are kept, nobody listens."""

    def __init__(self) -> None:
        self.published: list[tuple[str, str]] = []
        self.owners: dict[str, str] = {}
        self.fences: dict[str, int] = {}
        self.reachable = True

    async def publish(self, channel: str, text: str) -> None:
        if not self.reachable:
            raise ServiceUnreachable("Redis", "publishing")
        self.published.append((channel, text))

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        raise AssertionError(f"nobody listens here: {channels}")
        yield

    async def lock(self, name: str, owner: str, seconds: float) -> int | None:
        assert seconds > 0
        held = self.owners.get(name)
        if held not in (None, owner):
            return None
        if held is None:
            self.fences[name] = self.fences.get(name, 0) + 1
            self.owners[name] = owner
        return self.fences[name]

    async def unlock(self, name: str, owner: str) -> None:
        if self.owners.get(name) == owner:
            del self.owners[name]
