"""Remarks to a run: numbered from 1, never changed, also when many speak at once."""

import asyncio
from datetime import UTC, datetime

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import UnknownObject
from tests.blocks.test_registry import a_request

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def test_remarks_come_back_in_order_and_after_a_number(registry: SqlRegistry) -> None:
    for run in ("r-000001", "r-000002"):
        await registry.add_run(a_request(run), NOON)
    for text in ("one", "two", "three"):
        await registry.add_remark("r-000001", "local:me", text, NOON)
    await registry.add_remark("r-000002", "local:me", "other", NOON)
    assert [(remark.sequence, remark.text) for remark in await registry.remarks("r-000001", 1)] == [(2, "two"), (3, "three")]
    assert (await registry.remarks("r-000002"))[0].at == NOON
    assert await registry.remarks("r-000003") == ()


async def test_many_at_once_get_a_number_each(registry: SqlRegistry) -> None:
    await registry.add_run(a_request("r-000001"), NOON)
    await asyncio.gather(*(registry.add_remark("r-000001", "me", str(n), NOON) for n in range(10)))
    assert [remark.sequence for remark in await registry.remarks("r-000001")] == list(range(1, 11))


async def test_a_run_that_does_not_exist_hears_nothing(registry: SqlRegistry) -> None:
    with pytest.raises(UnknownObject, match="r-000009"):
        await registry.add_remark("r-000009", "me", "hello", NOON)
