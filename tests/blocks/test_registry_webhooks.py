"""What GitHub told, on SQLite and Postgres: each once, until something came of it."""

import asyncio
from datetime import UTC, datetime, timedelta

from blocks.registry.block import SqlRegistry
from domain.heard import Commented
from domain.webhooks import KEPT, Webhook

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SAID = Commented(repository="anna/notes", sender="anna", happened=NOON, issue=1, comment=7, words="status")
ONE = Webhook(id="d-1", digest="a" * 64, event=SAID, at=NOON)


async def test_delivery_is_stored_once_by_its_id_and_by_its_body(registry: SqlRegistry) -> None:
    again = [ONE, ONE.model_copy(update={"id": "d-2"}), ONE.model_copy(update={"digest": "b" * 64})]
    stored = await asyncio.gather(*(registry.hear(each) for each in again * 4))
    assert stored.count(True) in (1, 2)  # the second and the third are different ones, where the first comes last
    known = await registry.unhandled()
    assert len(known) == stored.count(True)
    assert len({each.digest for each in known}) == len(known)


async def test_delivery_waits_until_something_came_of_it_and_is_known_until_it_is_old(registry: SqlRegistry) -> None:
    later = Webhook(id="d-0", digest="c" * 64, event=SAID, at=NOON + timedelta(hours=1))
    assert [await registry.hear(each) for each in (later, ONE)] == [True, True]
    assert await registry.unhandled() == (ONE, later)
    assert [await registry.try_webhook("d-1") for _ in range(2)] == [1, 2]
    assert await registry.try_webhook("ghost") == 0
    assert await registry.unhandled() == (later, ONE.model_copy(update={"tries": 2}))  # it holds back none that was not tried
    for outcome in ("told how it stands", "another"):
        await registry.settle_webhook("d-1", outcome, NOON)
    assert await registry.unhandled() == (later,)
    assert not await registry.hear(ONE.model_copy(update={"at": NOON + KEPT}))
    assert await registry.hear(ONE.model_copy(update={"at": NOON + KEPT + timedelta(seconds=1)}))
