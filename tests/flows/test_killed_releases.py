"""A deploy and a rollback are killed before they change anything and after each change; exactly one release is always live.

The killed process does nothing more, not even what a `finally` would. What is in memory here stands for services that live on.
"""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.environment import EnvironmentVersion
from domain.health import HealthCheck
from domain.leases import deploy_lock
from domain.releases import Release, ReleaseState
from domain.runs import Origin, ReleaseRequest, RunState
from flows.devops import Deployment, roll_out
from flows.ending import write_end
from flows.leases import under_lease
from flows.rollback import roll_back
from tasks.finish import describe_release
from tasks.preparer import prepare_repository
from tasks.readiness import Readiness
from tasks.reconciler import reconcile_routes
from tasks.unfinished import end_unfinished, stop_idle_copies
from tests.conftest import PrefectServer
from tests.flows.releases_bench import Site, in_flow
from tests.flows.test_rollback import wish
from tests.tasks.conftest import NOW, brief, registry  # noqa: F401  (a fixture among them)
from tests.tasks.fragile import Fate, Fragile, Killed
from tests.tasks.test_watch import app

LIVE, KEPT, TAKEN_BACK = ReleaseState.LIVE, ReleaseState.KEPT, ReleaseState.ROLLED_BACK
RUN = "r-again1"
READS = frozenset(
    """apps domains environment fence get head history in_flight listed logs progress project projects read releases routes run
    runs status""".split()  # noqa: SIM905
)
"""What changes nothing: to be killed there is to be killed after the change before."""
SERVICES = ("registry", "engine", "proxy", "vault", "wakeups", "git")
LASTING = frozenset(f"after {change}" for change in ("add_release", "start", "promote", "set_route", "stop", "move_release"))
"""Moments after which another release, copy or route is there."""
Life = Callable[[Any], Awaitable[object]]


@pytest.fixture
def template(registry: SqlRegistry, tmp_path: Path) -> Path:  # noqa: F811
    """Return a whole copy: what the registry wrote may still lie in the log beside its file."""
    with closing(sqlite3.connect(tmp_path / "registry.db")) as written:
        written.execute("VACUUM INTO ?", (str(tmp_path / "template.db"),))
    return tmp_path / "template.db"


class Ground:
    """What all moments share: a registry's file to copy, a repository, and two copies that answer."""

    def __init__(self, folder: Path, git: BareGitHost, head: str, addresses: tuple[str, str]) -> None:
        self.folder = folder
        self.git = git
        self.head = head
        self.addresses = addresses
        self.used = 0

    @asynccontextmanager
    async def site(self, count: int) -> AsyncIterator[Site]:
        """Yield a world of its own with so many releases delivered."""
        self.used += 1
        database = self.folder / f"{self.used}.db"
        shutil.copyfile(self.folder / "template.db", database)
        own = SqlRegistry(url=f"sqlite+aiosqlite:///{database}", budget_micro_usd=5_000_000)
        made = Site(own, self.git, self.head)
        made.blocks.installation.drain_seconds = 0.0
        made.engine.addresses = {f"notes-v{number + 1}": address for number, address in enumerate(self.addresses)}
        async with own.kept():
            for number in range(1, count + 1):
                run = f"r-{number:06}"
                live = await made.switch(run, await made.start(run, f"sha256:{number}"))
                assert isinstance(live, Release)
                await made.retire(run, seconds=0)
            yield made


@pytest_asyncio.fixture
async def ground(prefect_api: PrefectServer, template: Path, tmp_path: Path) -> AsyncIterator[Ground]:
    git = BareGitHost(folder=str(tmp_path / "git"))
    head = await prepare_repository.fn("r-000001", brief(), git)
    with app(200) as (first, _), app(200) as (second, _):
        yield Ground(tmp_path, git, head, (first, second))


async def deploy(blocks: Any) -> object:
    """Take the run's steps from their begin, as each of its processes does."""
    request = ReleaseRequest(
        run=RUN, project="notes", request="again", commit="a" * 40, candidate="sha256:2", origin=Origin(person="local:me")
    )
    await blocks.registry.add_run(request, NOW)
    deployment = Deployment(run=RUN, project="notes", commit=request.commit, candidate=request.candidate, checks=())
    plan = Readiness(process="web", health=HealthCheck(path="/health"))
    work = partial(roll_out, deployment, EnvironmentVersion(project="notes", number=1), plan, blocks)
    outcome = await under_lease("notes", RUN, blocks, work)
    return await write_end("notes", describe_release(request, outcome), blocks)


async def go_back(blocks: Any) -> object:
    return await roll_back(wish("rollback-1", release=2), blocks)


def fragile(place: Site, fate: Fate) -> Any:
    """Return the blocks as a process holds them that dies at its fate."""
    held = {name: Fragile(getattr(place.blocks, name), fate, READS) for name in SERVICES}
    return SimpleNamespace(**{**vars(place.blocks), **held})


async def is_killed(place: Site, life: Life, at: int) -> str:
    """Live until that moment, and return what it was."""
    with pytest.raises(Killed) as killed:
        await life(fragile(place, Fate(at)))
    return f"{at}: {killed.value}"


async def check_meanwhile(place: Site, moment: str) -> None:
    """Whoever looks while the process is dead finds one live release, and people an app that answers."""
    states = list((await place.states()).values())
    assert states.count(LIVE) == 1, moment
    running = {app.address for app in await place.engine.apps() if app.address}
    assert place.proxy.held["notes"].upstream in running, moment
    assert len(running) <= 2, moment


async def check_afterwards(place: Site, number: int, moment: str) -> None:
    """Exactly this release is live, its copy alone runs, and the route leads to it."""
    assert [n for n, state in (await place.states()).items() if state is LIVE] == [number], moment
    running = {app.identity: app.address for app in await place.engine.apps() if app.address}
    assert running == {f"notes-v{number}": place.engine.addresses[f"notes-v{number}"]}, moment
    assert place.proxy.held["notes"].upstream == running[f"notes-v{number}"], moment
    assert place.wakeups.owners == {}, moment


async def every_moment(
    ground: Ground,
    life: Life,
    count: int,
    check: Callable[[Site, str], Awaitable[None]],
    wanted: Callable[[str], bool] = lambda _: True,
) -> list[str]:
    """Kill a process of a new world at each moment in turn, and look; return the moments.

    Nothing changes between one change and the next, so before each is as after the one before it.
    """
    moments: list[str] = []

    async def all_of_them() -> None:
        async with ground.site(count) as place:
            await life(fragile(place, whole := Fate()))
        for at, passed in enumerate(whole.passed, 1):
            if (at > 1 and passed.startswith("before")) or not wanted(passed):
                continue
            async with ground.site(count) as place:
                moment = await is_killed(place, life, at)
                await check_meanwhile(place, moment)
                await check(place, moment)
            moments.append(moment)

    await in_flow(all_of_them)
    return moments


async def told(place: Site) -> list[str]:
    return [note.key for note in await place.registry.unsent("cli")]


async def test_deploy_killed_at_any_moment_ends_as_if_nothing_had_happened(ground: Ground) -> None:
    async def check(place: Site, moment: str) -> None:
        await deploy(place.blocks)
        await check_afterwards(place, 2, moment)
        assert await place.states() == {2: LIVE, 1: KEPT}, moment
        assert await told(place) == [f"{RUN}:end"], moment
        lines = [(line.actor, line.what) for line in await place.registry.history("notes")]
        assert lines == [("local:me", "release 2 is live")], moment

    moments = await every_moment(ground, deploy, 1, check)
    changes = {moment.partition(": ")[2] for moment in moments}
    steps = "lock next_fence add_release start promote set_route stop move_release audit unlock update_run add_notification"
    assert {f"after {step}" for step in steps.split()} <= changes


async def test_rollback_killed_at_any_moment_ends_as_if_nothing_had_happened(ground: Ground) -> None:
    async def check(place: Site, moment: str) -> None:
        await go_back(place.blocks)
        await check_afterwards(place, 1, moment)
        assert await place.states() == {2: TAKEN_BACK, 1: LIVE}, moment
        assert await told(place) == ["notes:rollback-2-1"], moment
        assert [line.what for line in await place.registry.history("notes")] == ["rollback of release 2 to 1"], moment

    moments = await every_moment(ground, go_back, 2, check)
    changes = {moment.partition(": ")[2] for moment in moments}
    steps = "lock next_fence start promote set_route stop audit unlock add_notification"
    assert {f"after {step}" for step in steps.split()} <= changes


@pytest.mark.parametrize(("life", "count"), [(deploy, 1), (go_back, 2)])
async def test_what_nobody_resumes_is_tidied_up(ground: Ground, life: Life, count: int) -> None:
    async def check(place: Site, moment: str) -> None:
        """The run is given up, its lease runs out, and what is scheduled comes by."""
        if await place.registry.run(RUN) is not None:
            await place.registry.update_run(RUN, state=RunState.CANCELLED, ended=NOW)
        for owner in (RUN, "rollback-1"):
            await place.wakeups.unlock(deploy_lock("notes"), owner)
        registry, engine, wakeups = place.registry, place.engine, place.wakeups  # noqa: F811
        await end_unfinished.fn(registry, engine, wakeups)
        await stop_idle_copies.fn(registry, engine, place.proxy, wakeups)
        await reconcile_routes(registry, engine, place.proxy, wakeups)
        serving = next(number for number, state in (await place.states()).items() if state is LIVE)
        await check_afterwards(place, serving, moment)

    assert len(await every_moment(ground, life, count, check, LASTING.__contains__)) >= 4
