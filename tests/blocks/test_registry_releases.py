"""Releases in the registry: numbered, moved along their table, and never two of a project live."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from blocks.registry import tables
from blocks.registry.block import SqlRegistry
from domain.errors import Broken, UnknownObject
from domain.releases import Release, ReleaseState, live
from tests.blocks.test_registry import NOON, a_brief


async def a_project_with_releases(registry: SqlRegistry, count: int) -> None:
    await registry.add_project(a_brief(), "me", "notes.localhost", NOON)
    for number in range(1, count + 1):
        await add(registry, f"r-00000{number}")


async def add(
    registry: SqlRegistry, run: str, commit: str = "c" * 40, candidate: str = "sha256:1", version: int = 1
) -> Release:
    return await registry.add_release("notes", run, commit, candidate, version, NOON, fence=await registry.fence("notes"))


async def move(registry: SqlRegistry, number: int, state: ReleaseState, **given: str) -> Release:
    return await registry.move_release("notes", number, state, fence=await registry.fence("notes"), **given)


async def promote(
    registry: SqlRegistry, number: int, address: str, replaced: ReleaseState, reason: str = "", at: datetime = NOON
) -> Release:
    return await registry.promote("notes", number, address, replaced, reason, at, fence=await registry.fence("notes"))


async def test_release_of_a_run_is_made_once_and_numbers_grow(registry: SqlRegistry) -> None:
    await a_project_with_releases(registry, 2)
    again = await add(registry, "r-000001", "d" * 40, "sha256:2", 9)
    assert (again.number, again.commit) == (1, "c" * 40)
    assert [release.number for release in await registry.releases("notes")] == [2, 1]
    assert await registry.releases("notes", states=(ReleaseState.LIVE, ReleaseState.FAILED)) == ()
    assert [release.number for release in await registry.releases(states=(ReleaseState.STARTING,))] == [2, 1]
    with pytest.raises(UnknownObject):
        await registry.add_release("other", "r-000009", "c" * 40, "sha256:1", 1, NOON, fence=1)


async def test_move_that_the_table_forbids_names_both_states(registry: SqlRegistry) -> None:
    await a_project_with_releases(registry, 1)
    with pytest.raises(Broken, match="'starting' to 'kept'"):
        await move(registry, 1, ReleaseState.KEPT)
    failed = await move(registry, 1, ReleaseState.FAILED, reason="never healthy")
    again = await move(registry, 1, ReleaseState.FAILED, address="x:1")
    assert (failed.reason, again.reason, again.address) == ("never healthy", "never healthy", "x:1")
    with pytest.raises(UnknownObject):
        await move(registry, 7, ReleaseState.FAILED)


async def test_rollout_and_rollback_leave_exactly_one_live(registry: SqlRegistry) -> None:
    await a_project_with_releases(registry, 2)
    await promote(registry, 1, "a:1", ReleaseState.DRAINING)
    await promote(registry, 2, "a:2", ReleaseState.DRAINING, "replaced by v2", NOON)
    await move(registry, 1, ReleaseState.KEPT)
    back = await promote(registry, 1, "a:3", ReleaseState.ROLLED_BACK, "answers 500", NOON + timedelta(hours=1))
    bad, good = await registry.releases("notes")
    assert (bad.state, bad.reason) == (ReleaseState.ROLLED_BACK, "answers 500")
    assert back == good == live((bad, good))
    assert (good.address, good.reason, good.went_live) == ("a:3", "", NOON + timedelta(hours=1))


async def test_promoting_the_live_release_again_changes_only_its_address(registry: SqlRegistry) -> None:
    await a_project_with_releases(registry, 1)
    first = await promote(registry, 1, "a:1", ReleaseState.KEPT)
    again = await promote(registry, 1, "a:2", ReleaseState.KEPT, "x", NOON + timedelta(hours=1))
    assert again == first.model_copy(update={"address": "a:2"})


async def test_promotion_that_fails_half_way_changes_nothing(registry: SqlRegistry) -> None:
    await a_project_with_releases(registry, 2)
    await promote(registry, 1, "a:1", ReleaseState.KEPT)
    await move(registry, 2, ReleaseState.FAILED)
    with pytest.raises(Broken, match="'failed' to 'live'"):
        await promote(registry, 2, "a:2", ReleaseState.KEPT)
    assert [release.state for release in await registry.releases("notes")] == [ReleaseState.FAILED, ReleaseState.LIVE]


async def test_two_live_releases_are_refused_by_the_schema_itself(registry: SqlRegistry) -> None:
    await a_project_with_releases(registry, 2)
    await promote(registry, 1, "a:1", ReleaseState.KEPT)
    with pytest.raises(Broken, match="refused"):
        await move(registry, 2, ReleaseState.LIVE)
    with pytest.raises(IntegrityError):
        async with registry.engine().begin() as db:
            await db.execute(update(tables.releases).values(state="live"))
