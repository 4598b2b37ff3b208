"""Browsers that have signed in, as rows: each link and each proof begins one visit, whoever comes at once."""

import asyncio
from datetime import UTC, datetime, timedelta

from blocks.registry.block import SqlRegistry
from domain.keys import Scope
from domain.visits import KEPT, LASTS, LINK_LASTS, LoginLink, Visit

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def a_visit(name: str, owner: str = "local:ann", proof: str = "", at: datetime = NOON) -> Visit:
    return Visit(
        digest=name,
        owner=owner,
        scopes=(Scope.READ, Scope.WRITE),
        proof=proof or f"proof of {name}",
        created=at,
        expires=at + LASTS,
    )


def a_link(name: str, at: datetime = NOON) -> LoginLink:
    return LoginLink(digest=name, owner="local:ann", scopes=(Scope.READ,), created=at, expires=at + LINK_LASTS)


async def test_visit_comes_back_until_it_is_ended_and_the_first_end_stands(registry: SqlRegistry) -> None:
    assert await registry.begin_visit(a_visit("one"))
    assert (await registry.visit("one"), await registry.visit("ghost")) == (a_visit("one"), None)
    for hours in (1, 2):
        await registry.end_visit("one", NOON + timedelta(hours=hours))
    ended = await registry.visit("one")
    assert ended is not None
    assert (ended.ended, ended.counts(NOON)) == (NOON + timedelta(hours=1), False)


async def test_proof_begins_one_visit_of_many_at_once(registry: SqlRegistry) -> None:
    begun = await asyncio.gather(*(registry.begin_visit(a_visit(str(each), proof="same")) for each in range(5)))
    assert sorted(begun) == [False] * 4 + [True]
    assert len(await registry.visits("local:ann")) == 1


async def test_link_begins_one_visit_and_only_while_it_counts(registry: SqlRegistry) -> None:
    for name in ("now", "late"):
        await registry.add_link(a_link(name))
    assert await registry.login_link("now") == a_link("now")
    begun = await asyncio.gather(*(registry.begin_visit(a_visit(str(each)), "now") for each in range(5)))
    assert sorted(begun) == [False] * 4 + [True]
    used = await registry.login_link("now")
    assert used is not None
    assert (used.used, used.counts(NOON)) == (NOON, False)
    assert not await registry.begin_visit(a_visit("a", at=NOON + LINK_LASTS), "late")
    assert not await registry.begin_visit(a_visit("b"), "ghost")
    assert len(await registry.visits("local:ann")) == 1


async def test_all_of_one_owner_end_with_their_links_and_nobody_elses(registry: SqlRegistry) -> None:
    for name, owner in (("one", "local:ann"), ("two", "local:ann"), ("three", "local:bob")):
        await registry.begin_visit(a_visit(name, owner))
    await registry.add_link(a_link("open"))
    assert await registry.end_visits("local:ann", NOON) == 2
    assert await registry.end_visits("local:ann", NOON) == 0
    assert [each.ended for each in await registry.visits("local:ann")] == [NOON, NOON]
    assert [each.ended for each in await registry.visits("local:bob")] == [None]
    assert not await registry.begin_visit(a_visit("four"), "open")


async def test_what_is_long_over_is_forgotten(registry: SqlRegistry) -> None:
    old = NOON - LASTS - KEPT - timedelta(seconds=1)
    await registry.begin_visit(a_visit("old", at=old))
    await registry.add_link(a_link("old", at=old))
    await registry.begin_visit(a_visit("new"))
    assert (await registry.visit("old"), await registry.login_link("old")) == (None, None)
    assert await registry.visit("new") is not None
