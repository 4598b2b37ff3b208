"""What the registry is to the HTTP API: keys, pages of runs, and what was asked once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from blocks.registry.block import SqlRegistry
from domain.doors import DoorRegistry
from domain.errors import BadInput
from domain.keys import ApiKey, Scope
from domain.listings import RunMark
from domain.ownership import is_theirs
from domain.requested import KEPT, Asked
from domain.runs import DeliveryRequest, Origin
from tests.blocks.test_registry import a_brief

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
KEY = ApiKey(id="0123456789ab", name="ci", owner="ann", scopes=(Scope.READ, Scope.OPERATOR), digest="d" * 64, created=NOON)
ASKED = Asked(caller="0123456789ab", key="order-1", digest="d" * 64, at=NOON)


def test_block_fulfils_the_protocol_of_the_api() -> None:
    registry: DoorRegistry = SqlRegistry(url="sqlite+aiosqlite:////nowhere/x.db", budget_micro_usd=1)
    assert registry is not None


async def test_key_comes_back_as_it_was_stored_and_remembers_use_and_end(registry: SqlRegistry) -> None:
    other = KEY.model_copy(update={"id": "ba9876543210", "created": NOON - timedelta(days=1), "expires": NOON})
    for key in (KEY, other):
        await registry.add_key(key)
    assert (await registry.key(KEY.id), await registry.key("ghost")) == (KEY, None)
    assert await registry.api_keys() == (other, KEY)
    await registry.use_key(KEY.id, NOON)
    assert [await registry.revoke_key(KEY.id, NOON + timedelta(hours=hours)) for hours in (1, 2)] == [(KEY.id,)] * 2
    ended = KEY.model_copy(update={"used": NOON, "revoked": NOON + timedelta(hours=1)})
    assert await registry.key(KEY.id) == ended
    assert await registry.revoke_key("ghost", NOON) == ()


async def test_key_is_revoked_with_all_that_came_of_it_and_makes_none_any_more(registry: SqlRegistry) -> None:
    makers = {"child": KEY.id, "grandchild": "child", "cousin": "other", "other": ""}
    for id, maker in {KEY.id: "", **makers}.items():
        await registry.add_key(KEY.model_copy(update={"id": id, "maker": maker}))
    await registry.revoke_key("grandchild", NOON)
    later = NOON + timedelta(hours=1)
    assert await registry.revoke_key(KEY.id, later) == (KEY.id, "child", "grandchild")
    ended = {key.id: key.revoked for key in await registry.api_keys()}
    assert ended == {KEY.id: later, "child": later, "grandchild": NOON, "cousin": None, "other": None}
    with pytest.raises(BadInput, match="was revoked"):
        await registry.add_key(KEY.model_copy(update={"id": "late", "maker": "child"}))
    assert await registry.key("late") is None


async def run(registry: SqlRegistry, id: str, project: str, person: str, minutes: int) -> None:
    request = DeliveryRequest(run=id, project=project, request="x", brief=a_brief(project), origin=Origin(person=person))
    await registry.add_run(request, NOON + timedelta(minutes=minutes))


async def test_pages_hold_exactly_the_persons_runs_newest_first(registry: SqlRegistry) -> None:
    await registry.add_project(a_brief("notes"), "ann", "notes.localhost", NOON)
    await registry.add_project(a_brief("shop"), "bob", "shop.localhost", NOON)
    for number, (project, person, minutes) in enumerate(
        [
            ("notes", "ann", 0),
            ("notes", "bob", 1),
            ("notes", "eve", -5),
            ("shop", "bob", 3),
            ("shop", "ann", 3),
            ("gone", "ann", 3),
        ]
    ):
        await run(registry, f"r-00000{number}", project, person, minutes)
    every = await registry.run_page(None, None, None, 100)
    assert [each.id for each in every] == ["r-000003", "r-000004", "r-000005", "r-000001", "r-000000", "r-000002"]
    for person in ("ann", "bob", "eve", "nobody"):
        theirs = [each for each in every if is_theirs(each, await registry.project(each.project), person)]
        assert list(await registry.run_page(person, None, None, 100)) == theirs, person
    assert [each.id for each in await registry.run_page("ann", "shop", None, 100)] == ["r-000004"]


async def test_page_goes_on_where_the_one_before_ended_also_when_runs_come_meanwhile(registry: SqlRegistry) -> None:
    for number in range(5):
        await run(registry, f"r-00000{number}", "notes", "ann", number // 2)
    first = await registry.run_page("ann", None, None, 2)
    await run(registry, "r-000009", "notes", "ann", 9)
    last = first[-1]
    second = await registry.run_page("ann", None, RunMark(created=last.created, id=last.id), 10)
    assert [each.id for each in (*first, *second)] == ["r-000004", "r-000002", "r-000003", "r-000000", "r-000001"]


async def test_what_is_asked_twice_is_known_with_its_answer_until_it_is_old(registry: SqlRegistry) -> None:
    again = ASKED.model_copy(update={"digest": "e" * 64, "at": NOON + timedelta(hours=1)})
    first = await asyncio.gather(*(registry.ask_once(ASKED) for _ in range(4)))
    assert {each.digest for each in (*first, await registry.ask_once(again))} == {ASKED.digest}
    for run_id in ("r-000001", "r-000002"):
        await registry.answer_once(ASKED, 201, {"run": run_id})
    assert await registry.ask_once(again) == ASKED.model_copy(update={"status": 201, "answer": {"run": "r-000001"}})
    other = ASKED.model_copy(update={"caller": "ba9876543210"})
    assert await registry.ask_once(other) == other
    late = again.model_copy(update={"at": NOON + KEPT + timedelta(seconds=1)})
    assert await registry.ask_once(late) == late
