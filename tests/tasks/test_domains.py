"""Domains come and go: the registry, the history and the route say the same."""

from dataclasses import dataclass, field

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import BadInput
from tasks.domains import add_domain, make_main, remove_domain
from tasks.hosts import host_owners, main_host, project_hosts
from tasks.leases import claim
from tasks.reconciler import reconcile_routes
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups
from tests.tasks.conftest import NOW, brief
from tests.tasks.test_upkeep import release

ADDED = "shop.example.org"


@dataclass
class Place:
    """A project that is online, and what its domains touch."""

    registry: SqlRegistry
    engine: FakeEngine = field(default_factory=lambda: FakeEngine(address="127.0.0.1:7"))
    proxy: MemoryProxy = field(default_factory=MemoryProxy)
    wakeups: MemoryWakeups = field(default_factory=MemoryWakeups)

    async def add(self, host: str, project: str = "notes") -> str:
        added = await add_domain(project, host, "local:me", "localhost", self.registry, self.engine, self.proxy, self.wakeups)
        return added.host

    async def remove(self, host: str) -> str:
        return await remove_domain("notes", host, "local:me", self.registry, self.engine, self.proxy, self.wakeups)

    @property
    def hosts(self) -> tuple[str, ...]:
        return self.proxy.held["notes"].hosts if "notes" in self.proxy.held else ()


async def test_domain_leads_to_the_project_at_once_and_beside_its_own(registry: SqlRegistry) -> None:
    place = Place(registry)
    await release(registry, place.engine, 1)
    assert await place.add("Shop.Example.org.") == ADDED
    assert place.hosts == ("notes.localhost", ADDED)
    assert await project_hosts("notes", registry) == ("notes.localhost", ADDED)
    assert await main_host("notes", registry) == "notes.localhost"
    assert await reconcile_routes(registry, place.engine, place.proxy, place.wakeups) == ()


async def test_domain_that_is_added_twice_is_there_and_told_once(registry: SqlRegistry) -> None:
    place = Place(registry)
    for _ in range(2):
        await place.add(ADDED)
    assert [line.what for line in await registry.history("notes")] == [f"domain {ADDED} added"]
    assert [domain.by for domain in await registry.domains()] == ["local:me"]


async def test_domain_of_a_project_that_is_offline_waits_for_it(registry: SqlRegistry) -> None:
    place = Place(registry)
    await place.add(ADDED)
    assert place.hosts == ()
    await release(registry, place.engine, 1)
    await reconcile_routes(registry, place.engine, place.proxy, place.wakeups)
    assert place.hosts == ("notes.localhost", ADDED)


async def test_domain_that_comes_during_a_deploy_is_left_to_that(registry: SqlRegistry) -> None:
    place = Place(registry)
    await release(registry, place.engine, 1)
    await claim("notes", "r-000002", registry, place.wakeups)
    await place.add(ADDED)
    assert place.hosts == ()
    assert await project_hosts("notes", registry) == ("notes.localhost", ADDED)


async def test_domain_that_is_made_the_main_one_is_the_address_and_the_old_one_still_leads_there(registry: SqlRegistry) -> None:
    place = Place(registry)
    await release(registry, place.engine, 1)
    await place.add(ADDED)
    [domain] = await registry.domains("notes")
    assert [await make_main(domain, registry) for _ in range(2)] == [True, False]
    assert await project_hosts("notes", registry) == (ADDED, "notes.localhost")
    assert await reconcile_routes(registry, place.engine, place.proxy, place.wakeups) == ()
    with pytest.raises(BadInput, match="is the address of notes"):
        await place.remove(ADDED)
    assert await place.remove("notes.localhost") == "notes.localhost"
    assert await place.add("notes.localhost") == "notes.localhost"


async def test_domain_goes_and_the_projects_own_stays(registry: SqlRegistry) -> None:
    place = Place(registry)
    await release(registry, place.engine, 1)
    await place.add(ADDED)
    assert await place.remove(ADDED.upper()) == ADDED
    assert place.hosts == ("notes.localhost",)
    with pytest.raises(BadInput, match=f"notes has no domain {ADDED}"):
        await place.remove(ADDED)
    with pytest.raises(BadInput, match="is the address of notes: make one of another domain"):
        await place.remove("notes.localhost")


async def test_host_of_another_project_is_refused_and_nothing_changes(registry: SqlRegistry) -> None:
    place = Place(registry)
    await registry.add_project(brief("chat"), "local:you", "chat.localhost", NOW)
    await place.add(ADDED, "chat")
    before = await host_owners(registry)
    for host in (ADDED, f"www.{ADDED}", "chat.localhost", "192.0.2.1"):
        with pytest.raises(BadInput):
            await place.add(host)
    assert await host_owners(registry) == before
    assert await registry.history("notes") == ()


async def test_domains_of_a_project_that_is_removed_are_free_again(registry: SqlRegistry) -> None:
    place = Place(registry)
    await place.add(ADDED)
    await registry.remove_project("notes")
    await registry.add_project(brief("chat"), "local:you", "chat.localhost", NOW)
    assert await place.add(ADDED, "chat") == ADDED
