"""Rollbacks as rows: one for an attempt however often it is begun, one end each, and only the newest fence begins."""

import asyncio
from datetime import UTC, datetime

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import LeaseLost
from domain.rollbacks import Attempt, RollbackOutcome
from tests.blocks.test_registry import a_brief

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


async def fence(registry: SqlRegistry) -> int:
    await registry.add_project(a_brief("notes"), "me", "notes.localhost", NOON)
    return await registry.next_fence("notes")


async def begin(registry: SqlRegistry, fence: int, bad: int = 2, good: int | None = 1) -> Attempt:
    return await registry.begin_rollback("notes", bad, good, NOON, automatic=True, fence=fence)


async def test_attempt_that_is_begun_again_is_the_same_row_until_it_ends(registry: SqlRegistry) -> None:
    held = await fence(registry)
    first = await begin(registry, held)
    assert (first.bad, first.good, first.automatic, first.at, first.outcome) == (2, 1, True, NOON, RollbackOutcome.BEGUN)
    assert await begin(registry, held) == first
    other = await begin(registry, held, good=None)
    await registry.end_rollback(first.position, RollbackOutcome.NOT_HEALTHY)
    again = await begin(registry, held)
    assert [row.position for row in await registry.rollbacks("notes")] == [first.position, other.position, again.position]


async def test_of_two_ends_the_first_stands(registry: SqlRegistry) -> None:
    made = await begin(registry, await fence(registry))
    ends = (RollbackOutcome.ROLLED_BACK, RollbackOutcome.BROKEN_OFF)
    await registry.end_rollback(made.position, ends[0])
    await asyncio.gather(*(registry.end_rollback(made.position, end) for end in ends))
    assert [row.outcome for row in await registry.rollbacks("notes")] == [ends[0]]


async def test_who_was_overtaken_begins_nothing(registry: SqlRegistry) -> None:
    late = await fence(registry)
    await registry.next_fence("notes")
    with pytest.raises(LeaseLost):
        await begin(registry, late)
    assert await registry.rollbacks("notes") == ()


async def test_rollbacks_go_with_their_project(registry: SqlRegistry) -> None:
    await begin(registry, await fence(registry))
    await registry.remove_project("notes")
    assert await registry.rollbacks("notes") == ()
