"""Snapshots as rows: one a release and name, the newest first, written by the newest lease alone."""

from datetime import timedelta

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import LeaseLost
from domain.snapshots import Snapshot, SnapshotState
from tests.blocks.test_registry import NOON
from tests.blocks.test_registry_releases import a_project_with_releases

TAKING = Snapshot(project="notes", release=1, reference="v1", state=SnapshotState.TAKING, taken=NOON)


async def test_row_is_replaced_by_its_next_state(registry: SqlRegistry) -> None:
    await a_project_with_releases(registry, 2)
    fence = await registry.fence("notes")
    whole = TAKING.model_copy(
        update={"state": SnapshotState.PASSED, "bytes": 5_000_000_000, "schema_before": "a b c", "schema_after": "d e f"}
    )
    later = Snapshot(project="notes", release=2, reference="v2", state=SnapshotState.TAKEN, taken=NOON + timedelta(hours=1))
    for row in (TAKING, later, whole):
        await registry.put_snapshot(row, fence=fence)
    assert await registry.snapshots("notes") == (later, whole)
    await registry.drop_snapshot("notes", "v2", fence=fence)
    await registry.drop_snapshot("notes", "v2", fence=fence)
    assert await registry.snapshots("notes") == (whole,)
    await registry.remove_project("notes")
    assert await registry.snapshots("notes") == ()


async def test_whoever_lost_the_lease_changes_no_snapshot(registry: SqlRegistry) -> None:
    await a_project_with_releases(registry, 1)
    stale = await registry.fence("notes")
    await registry.put_snapshot(TAKING, fence=stale)
    await registry.next_fence("notes")
    for attempt in (registry.put_snapshot(TAKING, fence=stale), registry.drop_snapshot("notes", "v1", fence=stale)):
        with pytest.raises(LeaseLost):
            await attempt
    assert await registry.snapshots("notes") == (TAKING,)
