"""What the watch reads of the registry every two seconds: rows of what runs now, and none of what ended long ago."""

from pathlib import Path
from typing import Any, cast

import pytest_asyncio

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.previews import Preview, PreviewState
from domain.registry import Registry
from domain.releases import Release
from tasks.exclusive import bring_back_forgotten
from tasks.reconciler import reconcile_routes
from tasks.watch import Watch
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.tasks.preview_bench import Stage
from tests.tasks.test_upkeep import release


class Reading:
    """A registry that remembers the releases and previews it gave out."""

    def __init__(self, inner: SqlRegistry) -> None:
        self._inner = inner
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def releases(self, *given: Any, **named: Any) -> Any:
        return self._noted(await self._inner.releases(*given, **named))

    async def previews(self, *given: Any, **named: Any) -> Any:
        return self._noted(await self._inner.previews(*given, **named))

    def _noted(self, rows: "tuple[Release | Preview, ...]") -> Any:
        self.read |= {row.identity for row in rows}
        return rows


@pytest_asyncio.fixture
async def stage(registry: SqlRegistry, tmp_path: Path) -> Stage:
    """Release 3 serves, and of two previews the second is up."""
    stage = Stage(registry, tmp_path, "127.0.0.1:1")
    base = await stage.serve()
    for number in (2, 3):
        await release(registry, stage.engine, number, base)
    for run, state in (("r-change1", PreviewState.FAILED), ("r-change2", PreviewState.UP)):
        preview = await stage.announce(await stage.change(base, run))
        await registry.move_preview("notes", preview.number, state)
    return stage


async def test_a_pass_of_the_watch_reads_no_row_of_what_has_ended(stage: Stage) -> None:
    reading = Reading(stage.registry)
    registry, engine, vault = cast(Registry, reading), FakeEngine(), MemoryVault()
    git, proxy, wakeups = cast(BareGitHost, stage.git), MemoryProxy(), MemoryWakeups()

    await Watch(registry, engine, git, vault, tell=lambda *_: None, tell_platform=lambda *_: None).look()
    await reconcile_routes(registry, engine, proxy, wakeups)
    await bring_back_forgotten(1.0, registry, engine, vault, git, proxy, wakeups)

    assert reading.read == {"notes-v3", "notes-p2"}
