"""A project of which one copy may run at a time: what serves stops first, and after a death at any step one serves again."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest_asyncio

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.environment import EnvironmentVersion
from domain.exclusivity import Exclusivity
from domain.outcomes import Rejected, Released
from domain.releases import ReleaseState
from domain.rollbacks import RollbackRequest
from flows.devops import Deployment, roll_out
from flows.leases import under_lease
from flows.rollback import roll_back
from tasks.preparer import prepare_repository
from tests.conftest import PrefectServer
from tests.flows.lone_bench import KIND, PLAN, Lone, Template
from tests.flows.releases_bench import Site, in_flow
from tests.registry_database import lay_registry
from tests.tasks.conftest import NOW, brief, request
from tests.tasks.fragile import Killed
from tests.tasks.test_watch import app

LIVE, KEPT, FAILED, TAKEN_BACK = ReleaseState.LIVE, ReleaseState.KEPT, ReleaseState.FAILED, ReleaseState.ROLLED_BACK
RUN = "r-000003"


@pytest_asyncio.fixture
async def template(prefect_api: PrefectServer, tmp_path: Path) -> AsyncIterator[Template]:
    """Yield worlds in which release 1 serves, or release 2 and release 1 is kept."""
    file = tmp_path / "made.db"
    await lay_registry(f"sqlite+aiosqlite:///{file}")
    registry = SqlRegistry(url=f"sqlite+aiosqlite:///{file}", budget_micro_usd=1)
    git = BareGitHost(folder=str(tmp_path / "git"))
    with app(200) as (address, _):
        head = await prepare_repository.fn("r-000001", brief(kind=KIND), git)
        await registry.add_project(brief(kind=KIND), "local:me", "notes.localhost", NOW)
        await registry.add_run(request(RUN), NOW)
        site = Site(registry, git, head)
        site.engine.address = address
        for number in (1, 2):
            await site.deliver(f"r-{number:06}", f"sha256:{number}")
            with closing(sqlite3.connect(file)) as database:
                database.execute(f"VACUUM INTO '{tmp_path}/served-{number}.db'")
        await registry.close()
        yield Template(tmp_path, git, head, address)


async def deploy(place: Lone, blocks: Any) -> Released | Rejected:
    deployment = Deployment(run=RUN, project="notes", commit=place.commit, candidate="sha256:9", checks=())
    work = partial(roll_out, deployment, EnvironmentVersion(project="notes", number=1), PLAN, blocks)
    done = await under_lease("notes", RUN, blocks, work)
    assert isinstance(done, Released | Rejected)
    return done


async def go_back(place: Lone, blocks: Any) -> str:
    wish = RollbackRequest(project="notes", release=2, reason="it is broken", owner="rollback-1", asked=datetime.now(UTC))
    return (await roll_back(wish, blocks)).outcome


async def with_deaths(
    template: Template, work: Callable[[Lone, Any], Awaitable[Any]], check: Callable[[Lone, bool], Awaitable[None]], served: int
) -> list[str]:
    """Do the work once for each of its changes, killed there; `check` what follows, with and without a next process.

    Returns the changes of an undisturbed process.
    """

    async def all_of_them() -> list[str]:
        async with template.copy(served) as place:
            blocks, undisturbed = place.mortal(0)
            await work(place, blocks)
        for at in range(1, len(undisturbed.passed) + 1):
            for resumed in (True, False):
                async with template.copy(served) as place:
                    blocks, doom = place.mortal(at)
                    with suppress(Killed):
                        await work(place, blocks)
                    assert len(doom.passed) == at
                    await check(place, resumed)
        return undisturbed.passed

    return await in_flow(all_of_them)


async def test_new_copy_starts_when_the_old_one_has_stopped_and_both_are_told_by_the_registry(template: Template) -> None:
    async with template.copy() as place:
        done = await in_flow(lambda: deploy(place, place.blocks))
        assert isinstance(done, Released)
        assert await place.serving() == 2
        assert await place.states() == {2: LIVE, 1: KEPT}


async def test_deploy_killed_at_any_change_ends_with_one_copy_that_serves(template: Template) -> None:
    async def check(place: Lone, resumed: bool) -> None:
        if resumed:
            assert isinstance(await deploy(place, place.blocks), Released)
            assert await place.serving() == 2
        else:
            await place.forgotten()
            assert await place.serving() == (2 if (await place.states()).get(2) is LIVE else 1)

    passed = await with_deaths(template, deploy, check, 1)
    assert passed[:5] == ["after add_release", "after move_release", "after stop", "after add_release", "after start"]


async def test_failing_deploy_killed_at_any_change_brings_the_old_copy_back(template: Template) -> None:
    async def fails(place: Lone, blocks: Any) -> Any:
        place.dies("notes-v2")
        return await deploy(place, blocks)

    async def check(place: Lone, resumed: bool) -> None:
        place.dies("notes-v2")
        if resumed:
            done = await deploy(place, place.blocks)
            assert isinstance(done, Rejected)
            assert done.reason == "It ended by itself (exit code 3)."
            assert await place.states() == {2: FAILED, 1: LIVE}
        else:
            await place.forgotten()
        assert await place.serving() == 1

    passed = await with_deaths(template, fails, check, 1)
    assert passed[-3:] == ["after start", "after move_release", "after set_route"]


async def test_rollback_killed_at_any_change_ends_with_one_copy_that_serves(template: Template) -> None:
    async def check(place: Lone, resumed: bool) -> None:
        if resumed:
            assert await go_back(place, place.blocks) in ("rolled back", "nothing to do")
            assert await place.serving() == 1
            assert await place.states() == {2: TAKEN_BACK, 1: LIVE}
        else:
            await place.forgotten()
            assert await place.serving() == (1 if (await place.states())[1] is LIVE else 2)

    await with_deaths(template, go_back, check, 2)


async def test_rollback_to_a_copy_that_does_not_start_leaves_the_present_one_serving(template: Template) -> None:
    async with template.copy(2) as place:
        place.dies("notes-v1")
        assert await in_flow(lambda: go_back(place, place.blocks)) == "not healthy"
        assert await place.serving() == 2
        assert await place.states() == {2: LIVE, 1: FAILED}


async def test_copies_that_may_run_side_by_side_are_switched_without_a_gap(template: Template) -> None:
    unless = PLAN.model_copy(update={"exclusivity": Exclusivity(exclusive=True, unless="HOOK")})
    hooked = EnvironmentVersion(project="notes", number=2, plain={"HOOK": "https://bot.example/hook"})
    async with template.copy() as place:
        await place.registry.add_environment("notes", {}, hooked.plain)

        async def deployed(run: str, version: EnvironmentVersion) -> object:
            deployment = Deployment(run=run, project="notes", commit=place.commit, candidate="sha256:9", checks=())
            work = partial(roll_out, deployment, version, unless, place.blocks)
            return await in_flow(lambda: under_lease("notes", run, place.blocks, work))

        assert isinstance(await deployed(RUN, hooked), Released)
        assert place.engine.crowds == []  # the one before bore none beside it
        await place.registry.add_run(request("r-000004"), NOW)
        assert isinstance(await deployed("r-000004", hooked), Released)
        assert place.engine.crowds == [{"notes-v2", "notes-v3"}]
