"""What people chose, and their buttons, in the registry."""

import asyncio
from datetime import UTC, datetime, timedelta

from blocks.registry.block import SqlRegistry
from domain.buttons import KEPT, button
from domain.people import Person

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


async def test_person_has_the_defaults_until_something_is_chosen(registry: SqlRegistry) -> None:
    assert await registry.person("telegram:1") == Person(name="telegram:1")
    for language in ("ru", "en"):
        await registry.keep_person(Person(name="telegram:1", language=language, quiet=True))
    assert await registry.person("telegram:1") == Person(name="telegram:1", language="en", quiet=True)
    assert await registry.person("telegram:2") == Person(name="telegram:2")


async def test_button_is_found_by_its_reference_also_when_it_was_shown_by_many_at_once(registry: SqlRegistry) -> None:
    stop = button("telegram:1", "stop:r-abc123", NOON)
    await asyncio.gather(*(registry.show_buttons(stop, stop) for _ in range(5)))
    assert await registry.pressed(stop.reference) == stop
    assert await registry.pressed("nosuch") is None


async def test_button_that_was_last_shown_long_ago_is_forgotten(registry: SqlRegistry) -> None:
    old, other = button("telegram:1", "one", NOON), button("telegram:1", "two", NOON)
    await registry.show_buttons(old, other)
    await registry.show_buttons(button("telegram:1", "two", NOON + KEPT))
    await registry.show_buttons(button("telegram:2", "three", NOON + KEPT + timedelta(seconds=1)))
    assert await registry.pressed(old.reference) is None
    assert await registry.pressed(other.reference) is not None
