"""Only the newest lease changes a project's releases."""

import asyncio
from datetime import timedelta

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import LeaseLost, UnknownObject
from domain.releases import ReleaseState
from tests.blocks.test_registry import NOON, a_brief
from tests.blocks.test_registry_releases import a_project_with_releases, promote


async def test_whoever_lost_the_lease_changes_no_release(registry: SqlRegistry) -> None:
    await a_project_with_releases(registry, 2)
    await promote(registry, 1, "a:1", ReleaseState.KEPT)
    stale = await registry.fence("notes")
    newest = await registry.next_fence("notes")
    before = await registry.releases("notes")
    for attempt in (
        registry.add_release("notes", "r-000009", "c" * 40, "sha256:1", 1, NOON, fence=stale),
        registry.move_release("notes", 2, ReleaseState.FAILED, fence=stale),
        registry.promote("notes", 2, "a:2", ReleaseState.KEPT, "", NOON, fence=stale),
        registry.promote("notes", 1, "a:9", ReleaseState.KEPT, "", NOON, fence=stale),
    ):
        with pytest.raises(LeaseLost, match="another deploy or rollback has taken it over"):
            await attempt
    assert await registry.releases("notes") == before
    assert newest == stale + 1 == await registry.fence("notes")


async def test_of_many_claims_at_once_each_gets_a_number_of_its_own(registry: SqlRegistry) -> None:
    await registry.add_project(a_brief(), "me", "notes.localhost", NOON)
    first = await registry.fence("notes")
    given = await asyncio.gather(*(registry.next_fence("notes") for _ in range(8)))
    assert sorted(given) == list(range(first + 1, first + 9))
    with pytest.raises(UnknownObject):
        await registry.next_fence("other")


async def test_project_that_takes_a_removed_ones_name_has_higher_fences(registry: SqlRegistry) -> None:
    await registry.add_project(a_brief(), "me", "notes.localhost", NOON)
    removed = await registry.next_fence("notes")
    await registry.remove_project("notes")
    await registry.add_project(a_brief(), "me", "notes.localhost", NOON + timedelta(seconds=1))
    assert await registry.fence("notes") > removed
