"""A project has one resource of each kind, and its row is there before the resource is."""

from datetime import UTC, datetime, timedelta

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import UnknownObject
from domain.resources import Resource, ResourceKind
from tests.blocks.test_registry import a_brief

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


async def test_resources_are_kept_by_project_and_go_with_it(registry: SqlRegistry) -> None:
    for slug in ("notes", "chat"):
        await registry.add_project(a_brief(slug), "me", f"{slug}.localhost", NOON)
    redis = await registry.add_resource("notes", ResourceKind.REDIS, "redis:6379", NOON)
    postgres = await registry.add_resource("notes", ResourceKind.POSTGRES, "postgres:5432", NOON)
    other = await registry.add_resource("chat", ResourceKind.REDIS, "redis:6379", NOON)
    assert redis == Resource(project="notes", kind=ResourceKind.REDIS, reference="redis:6379", created=NOON)
    assert await registry.resources("notes") == (postgres, redis)
    await registry.remove_project("notes")
    assert await registry.resources() == (other,)
    await registry.remove_resource("chat", ResourceKind.POSTGRES)
    await registry.remove_resource("chat", ResourceKind.REDIS)
    assert await registry.resources() == ()


async def test_second_of_a_kind_is_the_first(registry: SqlRegistry) -> None:
    await registry.add_project(a_brief("notes"), "me", "notes.localhost", NOON)
    first = await registry.add_resource("notes", ResourceKind.REDIS, "redis:6379", NOON)
    again = await registry.add_resource("notes", ResourceKind.REDIS, "elsewhere:1", NOON + timedelta(days=1))
    assert again == first
    with pytest.raises(UnknownObject, match="there is no project 'ghost'"):
        await registry.add_resource("ghost", ResourceKind.REDIS, "redis:6379", NOON)
