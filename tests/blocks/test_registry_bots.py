"""The bot pool as rows: one bot is one project's, and who slept through a move changes nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from blocks.registry.block import SqlRegistry
from domain.bots import Bot, BotState
from domain.errors import BadInput, UnknownObject
from tests.blocks.test_registry import a_brief

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


async def pool(registry: SqlRegistry, *ids: str) -> None:
    """Let these bots be free, the first one for longest."""
    for number, id in enumerate(ids):
        added = await registry.add_bot(id, f"pool{id}_bot", NOON)
        assert await registry.move_bot(added, BotState.FREE, NOON + timedelta(minutes=number))


async def projects(registry: SqlRegistry, *slugs: str) -> None:
    for slug in slugs:
        await registry.add_project(a_brief(slug), "me", f"{slug}.localhost", NOON)


async def test_bot_that_was_free_for_longest_is_leased_and_kept(registry: SqlRegistry) -> None:
    await projects(registry, "notes", "chat", "shop")
    await pool(registry, "2", "1")
    first = await registry.lease_bot("notes", LATER)
    assert first == Bot(id="2", username="pool2_bot", state=BotState.LEASED, project="notes", fence=3, since=LATER)
    assert await registry.lease_bot("notes", LATER + timedelta(days=1)) == first
    second = await registry.lease_bot("chat", LATER)
    assert second is not None
    assert (second.id, await registry.lease_bot("shop", LATER)) == ("1", None)
    assert [bot.id for bot in await registry.bots()] == ["1", "2"]
    with pytest.raises(UnknownObject):
        await registry.lease_bot("ghost", LATER)


async def test_of_many_at_once_no_two_get_the_same(registry: SqlRegistry) -> None:
    slugs = [f"app-{n}" for n in range(6)]
    await projects(registry, *slugs)
    await pool(registry, "1", "2", "3", "4")
    leased = await asyncio.gather(*(registry.lease_bot(slug, LATER) for slug in slugs))
    assert sorted(bot.id for bot in leased if bot) == ["1", "2", "3", "4"]
    again = await asyncio.gather(*(registry.lease_bot("app-0", LATER) for _ in range(3)))
    assert len({bot.id if bot else "" for bot in again}) == 1


async def test_who_slept_through_a_move_changes_nothing(registry: SqlRegistry) -> None:
    await projects(registry, "notes", "chat")
    await pool(registry, "1")
    slept = await registry.lease_bot("notes", NOON)
    assert slept is not None
    assert await registry.dress_bot(slept, "mark")
    resting = await registry.move_bot(slept, BotState.RESTING, NOON)
    assert resting == slept.model_copy(update={"state": BotState.RESTING, "fence": 4})
    assert await registry.move_bot(resting, BotState.FREE, NOON)
    current = await registry.lease_bot("chat", LATER)
    assert await registry.move_bot(slept, BotState.RESTING, LATER) is None
    assert not await registry.dress_bot(slept, "old")
    assert await registry.bots() == (current,)


async def test_bot_that_a_project_has_or_had_is_not_added_again(registry: SqlRegistry) -> None:
    await projects(registry, "notes")
    await pool(registry, "1")
    leased = await registry.lease_bot("notes", LATER)
    assert leased is not None
    with pytest.raises(BadInput, match="is the bot of notes"):
        await registry.add_bot("1", "pool1_bot", LATER)
    resting = await registry.move_bot(leased, BotState.RESTING, LATER)
    assert resting is not None
    with pytest.raises(BadInput, match="rests after it was the bot of notes"):
        await registry.add_bot("1", "pool1_bot", LATER)
    retired = await registry.move_bot(resting, BotState.RETIRED, LATER)
    assert retired is not None
    assert (await registry.add_bot("1", "renamed_bot", LATER)).username == "renamed_bot"


async def test_move_that_is_none_is_refused(registry: SqlRegistry) -> None:
    await pool(registry, "1")
    [bot] = await registry.bots()
    for state in (BotState.LEASED, BotState.FREE):  # only lease_bot leases: it knows for whom
        with pytest.raises(BadInput, match="cannot become"):
            await registry.move_bot(bot, state, NOON)


async def test_lease_outlives_its_project_until_it_is_given_back(registry: SqlRegistry) -> None:
    await projects(registry, "notes")
    await pool(registry, "1")
    leased = await registry.lease_bot("notes", LATER)
    await registry.remove_project("notes")
    assert await registry.bots() == (leased,)
