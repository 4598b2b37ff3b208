"""A project of which one copy may run at a time, on an engine that notices two; and processes that die at any change."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.exclusivity import Exclusivity
from domain.health import HealthCheck
from domain.releases import live
from domain.workers import AppSpec, AppState, AppStatus
from tasks.exclusive import bring_back_forgotten
from tasks.readiness import Readiness
from tasks.reconciler import reconcile_routes
from tests.fakes.engine import FakeEngine
from tests.flows.releases_bench import Site
from tests.tasks.fragile import Fate, Fragile, Killed

KIND = "telegram-bot"
PLAN = Readiness(process="web", health=HealthCheck(path="/health"), exclusivity=Exclusivity(exclusive=True))
CHANGES = {f"after {call}" for call in ("add_release", "move_release", "promote", "start", "stop", "set_route")}
"""Calls that change something: a death anywhere else leaves what a death right after one of these does."""


class LoneEngine(FakeEngine):
    """Remembers which copies ever ran side by side."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.crowds: list[set[str]] = []

    @property
    def running(self) -> set[str]:
        ended = {name for name, script in self.app_states.items() if script[-1].state is AppState.STOPPED}
        return self.live_apps.keys() - self.stopped - ended

    async def start(self, spec: AppSpec) -> AppStatus:
        status = await super().start(spec)
        if len(self.running) > 1:
            self.crowds.append(self.running)
        return status


class Doom(Fate):
    """A fate after which the process does nothing more at all."""

    def reached(self, moment: str) -> None:
        if 0 < self.at <= len(self.passed):
            raise Killed(moment)
        if moment in CHANGES:
            super().reached(moment)


class Lone(Site):
    """Release 1 serves; its project bears one copy at a time."""

    def __init__(self, registry: SqlRegistry, git: BareGitHost, head: str) -> None:
        super().__init__(registry, git, head)
        self.engine: LoneEngine = LoneEngine()
        self.blocks.engine = self.engine
        self.blocks.installation.health_seconds = 5.0
        self.blocks.installation.watch_interval = 0.01

    def mortal(self, at: int) -> tuple[Any, Doom]:
        """Return the blocks of a process that dies at its change number `at`."""
        doom = Doom(at)
        inner = vars(self.blocks)
        fragile = {name: Fragile(inner[name], doom) for name in ("registry", "engine", "proxy", "wakeups", "vault", "git")}
        return SimpleNamespace(**{**inner, **fragile}), doom

    async def forgotten(self) -> None:
        """Let the dead process's lease run out, and look as the watch does."""
        self.wakeups.owners.clear()
        blocks = self.blocks
        await bring_back_forgotten(5.0, blocks.registry, blocks.engine, blocks.vault, blocks.git, blocks.proxy, blocks.wakeups)
        await reconcile_routes(blocks.registry, blocks.engine, blocks.proxy, blocks.wakeups)

    async def serving(self) -> int:
        """Return the number of the release that serves; everything agrees on it, and no other copy runs."""
        current = live(await self.registry.releases("notes"))
        assert current is not None
        assert self.engine.running == {current.identity}
        assert (current.rests, current.address) == (False, self.engine.address)
        assert self.proxy.held["notes"].upstream == current.address
        assert self.engine.crowds == []
        return current.number


class Template:
    """A world to make others from: its registry is copied, its repository shared."""

    def __init__(self, folder: Path, git: BareGitHost, head: str, address: str) -> None:
        self.folder, self.git, self.head, self.address = folder, git, head, address
        self._made = 0

    @asynccontextmanager
    async def copy(self, served: int = 1) -> AsyncIterator[Lone]:
        self._made += 1
        file = self.folder / f"copy-{self._made}.db"
        shutil.copy(self.folder / f"served-{served}.db", file)
        registry = SqlRegistry(url=f"sqlite+aiosqlite:///{file}", budget_micro_usd=1)
        place = Lone(registry, self.git, self.head)
        place.engine.address = self.address
        async with registry.kept():
            for release in reversed(await registry.releases("notes")):
                spec = AppSpec(identity=release.identity, project="notes", run=release.run, candidate=release.candidate)
                await place.engine.start(spec)
                place.engine.stopped = {*place.engine.live_apps} - {f"notes-v{served}"}
            place.engine.crowds.clear()
            await reconcile_routes(registry, place.engine, place.proxy, place.wakeups)
            yield place
