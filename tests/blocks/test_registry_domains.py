"""One host belongs to one project, whoever is first."""

import asyncio
from datetime import UTC, datetime

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import BadInput, UnknownObject
from domain.host_claims import Domain
from tests.blocks.test_registry import a_brief

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def a_domain(host: str = "shop.example.org", project: str = "notes") -> Domain:
    return Domain(host=host, project=project, added=NOON, by="local:me")


async def projects(registry: SqlRegistry) -> None:
    for slug in ("notes", "chat"):
        await registry.add_project(a_brief(slug), "me", f"{slug}.localhost", NOON)


async def test_domains_are_kept_by_project_and_go_with_it(registry: SqlRegistry) -> None:
    await projects(registry)
    for domain in (a_domain("b.example"), a_domain("a.example"), a_domain("c.example", "chat")):
        await registry.add_domain(domain)
        await registry.add_domain(domain)
    assert [domain.host for domain in await registry.domains("notes")] == ["a.example", "b.example"]
    assert await registry.domains("chat") == (a_domain("c.example", "chat"),)
    assert await registry.remove_domain("notes", "c.example") is False
    assert await registry.remove_domain("notes", "b.example") is True
    await registry.remove_project("chat")
    assert [domain.host for domain in await registry.domains()] == ["a.example"]


async def test_host_that_leads_to_another_project_is_refused(registry: SqlRegistry) -> None:
    await projects(registry)
    await registry.add_domain(a_domain())
    for taken in (a_domain(project="chat"), a_domain("notes.localhost", "chat")):
        with pytest.raises(BadInput, match=f"{taken.host} belongs to another project"):
            await registry.add_domain(taken)
    with pytest.raises(UnknownObject, match="there is no project 'ghost'"):
        await registry.add_domain(a_domain("x.example", "ghost"))


async def test_of_two_who_want_a_host_at_once_one_gets_it(registry: SqlRegistry) -> None:
    await projects(registry)
    wanted = [a_domain(project=project) for project in ("notes", "chat") * 4]
    told = await asyncio.gather(*(registry.add_domain(domain) for domain in wanted), return_exceptions=True)
    [kept] = await registry.domains()
    assert [isinstance(answer, BadInput) for answer in told] == [domain.project != kept.project for domain in wanted]
