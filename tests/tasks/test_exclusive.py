"""What rests and is forgotten comes back; what cannot start keeps nothing else down, and is the watch's to judge."""

import logging
from pathlib import Path
from typing import Any

import pytest

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.errors import DiskFull, UnknownObject
from domain.releases import RESTS, Release, ReleaseState, live
from domain.workers import AppSpec, AppStatus
from tasks.exclusive import bring_back_forgotten
from tasks.preparer import prepare_repository
from tasks.reconciler import live_releases
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import NOW, brief, request
from tests.tasks.test_watch import app


class Refusing(FakeEngine):
    """Starts no copy of `notes`, and says why."""

    def __init__(self, refusal: Exception, **given: Any) -> None:
        super().__init__(**given)
        self.refusal = refusal

    async def start(self, spec: AppSpec) -> AppStatus:
        if spec.project == "notes":
            raise self.refusal
        return await super().start(spec)


async def resting(registry: SqlRegistry, git: BareGitHost, slug: str) -> None:
    """Let a release of the project rest that nobody deploys any more."""
    run = f"r-{slug}01"
    if slug != "notes":
        await registry.add_project(brief(slug), "local:me", f"{slug}.localhost", NOW)
    await registry.add_run(request(run, slug), NOW)
    commit = await prepare_repository.fn(run, brief(slug), git)
    fence = await registry.next_fence(slug)
    version = await registry.add_environment(slug, {}, {})
    await registry.add_release(slug, run, commit, f"sha256:{slug}", version.number, NOW, fence=fence)
    await registry.promote(slug, 1, RESTS, ReleaseState.DRAINING, "", NOW, fence=fence)


async def serving(registry: SqlRegistry, slug: str) -> Release:
    found = live(await registry.releases(slug))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("refusal", "address", "watched", "said"),
    [
        (UnknownObject("candidate", "sha256:notes"), "", ["notes-v1", "shop-v1"], "notes-v1 was brought back and is unwell"),
        (DiskFull("/data"), RESTS, ["shop-v1"], "notes-v1 rests still: the disk of /data is full"),
    ],
)
async def test_release_that_cannot_start_is_said_and_keeps_no_other_down(
    refusal: Exception,
    address: str,
    watched: list[str],
    said: str,
    registry: SqlRegistry,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    git, proxy, wakeups = BareGitHost(folder=str(tmp_path / "git")), MemoryProxy(), MemoryWakeups()
    for slug in ("notes", "shop"):
        await resting(registry, git, slug)
    with app(200) as (place, _), caplog.at_level(logging.WARNING, "slipway.exclusive"):
        engine = Refusing(refusal, address=place)
        await bring_back_forgotten(5.0, registry, engine, MemoryVault(), git, proxy, wakeups)
        assert (await serving(registry, "shop")).address == place
    assert set(proxy.held) == {"shop"}
    assert (await serving(registry, "notes")).address == address
    assert sorted(release.identity for release in await live_releases(registry)) == watched
    assert caplog.messages[0].startswith(said)
    assert wakeups.owners == {}
