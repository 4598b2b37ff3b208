"""Databases that an app asks for: reserved, provided, revived, and apart from those of rehearsals."""

import asyncio

import pytest

from blocks.registry.block import SqlRegistry
from domain.addons import addons_of
from domain.env_rules import requirements
from domain.environment import EnvironmentVersion, Missing
from domain.errors import BadInput, ServiceUnreachable
from domain.resources import ResourceKind, ResourceSpec
from domain.runs import RunState
from domain.workers import AppSpec
from tasks.janitor import remove_orphans
from tasks.resources import (
    pause_resources,
    provide_resources,
    remove_resources,
    reserve_resources,
    revive_resources,
    scratch_resources,
)
from tasks.secret_resolver import environment_values, resolve_environment, values_beside_live
from tests.fakes.engine import FakeEngine
from tests.fakes.resources import MemoryResources
from tests.fakes.services import MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import NOW, request

APP = '{"addons": ["postgres", {"plan": "heroku-redis:mini", "as": "CACHE"}]}'
BOTH = (ResourceKind.POSTGRES, ResourceKind.REDIS)


async def provided(registry: SqlRegistry, engine: FakeEngine, vault: MemoryVault, app_json: str = APP) -> EnvironmentVersion:
    """Do for `notes` what a deploy does before it starts anything else."""
    wanted = requirements("DATABASE_URL=\nTHEME=dark\n", app_json)
    kinds = await reserve_resources.fn("notes", wanted, vault, registry, engine)
    version = await resolve_environment.fn("notes", wanted, {"DATA_DIR": "/data"}, vault, registry)
    await provide_resources.fn("notes", kinds, vault, engine)
    assert isinstance(version, EnvironmentVersion)
    return version


async def test_release_gets_the_addresses_as_secrets_and_each_repetition_changes_nothing(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    version = await provided(registry, engine, vault)
    assert await provided(registry, engine, vault) == version
    assert engine.resources.provided == ["notes-postgres", "notes-redis"]
    assert version.secrets == {"DATABASE_URL": "slipway-notes-database-url", "CACHE_URL": "slipway-notes-cache-url"}
    assert version.plain == {"THEME": "dark"}
    password = vault.held("notes")["SLIPWAY_POSTGRES_PASSWORD"]
    values = await environment_values(version, vault)
    assert values["DATABASE_URL"] == f"postgresql://app:{password}@notes-postgres:5432/app"
    assert len(password) == 48
    assert engine.resources.live["notes-postgres"].password.get_secret_value() == password
    assert [(row.kind, row.reference) for row in await registry.resources()] == [
        (ResourceKind.POSTGRES, "notes-postgres:5432"),
        (ResourceKind.REDIS, "notes-redis:6379"),
    ]


async def test_rows_are_there_before_anything_is_made(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    assert await reserve_resources.fn("notes", requirements("", APP), vault, registry, engine) == BOTH
    assert [row.kind for row in await registry.resources("notes")] == list(BOTH)
    assert engine.resources.live == {}


async def test_address_that_a_person_gave_is_used_and_nothing_is_made_for_it(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    vault.hold("notes", "DATABASE_URL", "postgresql://me:own@db.example/notes")
    version = await provided(registry, engine, vault)
    assert (await environment_values(version, vault))["DATABASE_URL"] == "postgresql://me:own@db.example/notes"
    assert engine.resources.provided == ["notes-redis"]


async def test_app_without_addons_keeps_its_file(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    version = await provided(registry, engine, vault, "")
    assert version.plain["DATABASE_URL"] == "sqlite:////data/app.db"
    assert (engine.resources.live, vault.values, await registry.resources()) == ({}, {}, ())


def test_unknown_addon_is_told_before_anything_is_resolved() -> None:
    with pytest.raises(BadInput, match="asks for the addon 'mongolab', and there are only these: postgres, redis"):
        requirements("", '{"addons": ["mongolab"]}')


async def test_rehearsal_has_empty_ones_of_its_own_and_leaves_none(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    version = await provided(registry, engine, vault)
    live, addons = await environment_values(version, vault), addons_of(APP)
    rehearsal = "notes-rehearsal-r-000001-round-1"
    async with scratch_resources("notes", "r-000001", rehearsal, addons, engine.resources) as scratch:
        values = await values_beside_live(version, vault, scratch)
        during = set(engine.resources.live)
    assert during == {"notes-postgres", "notes-redis", f"{rehearsal}-postgres", f"{rehearsal}-redis"}
    assert values.keys() == live.keys()
    assert {values["DATABASE_URL"], values["CACHE_URL"]}.isdisjoint(live.values())
    assert set(engine.resources.live) == {"notes-postgres", "notes-redis"}


async def test_what_an_interrupted_rehearsal_left_is_not_used_again_and_goes_with_its_run(registry: SqlRegistry) -> None:
    engine, rehearsal = FakeEngine(), "notes-rehearsal-r-000002-round-1"
    left = ResourceSpec(project="notes", kind=ResourceKind.REDIS, password="x", scratch_of=rehearsal, run="r-000002")
    await engine.resources.provide(left)
    engine.resources.data[left.identity] = "left"
    async with scratch_resources("notes", "r-000002", rehearsal, addons_of(APP), engine.resources):
        assert engine.resources.data[left.identity] == ""
    await engine.resources.provide(left)
    await registry.add_run(request("r-000002"), NOW)
    assert await remove_orphans.fn(registry, engine, MemoryWakeups()) == []
    await registry.update_run("r-000002", state=RunState.FAILED, ended=NOW)
    assert await remove_orphans.fn(registry, engine, MemoryWakeups()) == [left.identity]
    assert engine.resources.live == {}


async def test_those_that_stopped_come_back_with_their_data_and_no_others_are_touched(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    await provided(registry, engine, vault)
    engine.resources.data["notes-postgres"] = "kept"
    assert await revive_resources(registry, vault, engine.resources) == []
    await engine.resources.stop("notes", ResourceKind.POSTGRES)
    assert await revive_resources(registry, vault, engine.resources) == ["notes-postgres"]
    assert engine.resources.data["notes-postgres"] == "kept"
    await pause_resources(engine)
    assert engine.resources.stopped == {"notes-postgres", "notes-redis"}
    assert len(await revive_resources(registry, vault, engine.resources)) == 2


async def test_databases_of_a_release_command_that_goes_on_are_not_paused(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    await provided(registry, engine, vault)
    await engine.resources.provide(ResourceSpec(project="shop", kind=ResourceKind.REDIS, password="x"))
    command = AppSpec(identity="notes-command-1", project="notes", run="r-000001", role="command", candidate="sha256:1")
    await engine.start(command)
    await pause_resources(engine)
    assert engine.resources.stopped == {"shop-redis"}
    await engine.stop(command.identity, 1.0)
    await pause_resources(engine)
    assert engine.resources.stopped == {"notes-postgres", "notes-redis", "shop-redis"}


class SideBySide(MemoryResources):
    """Provides nothing before two have been asked for; Redis does not start."""

    def __init__(self) -> None:
        super().__init__()
        self._both = asyncio.Barrier(2)

    async def provide(self, spec: ResourceSpec) -> None:
        async with asyncio.timeout(60):
            await self._both.wait()
        if spec.kind is ResourceKind.REDIS:
            raise ServiceUnreachable(spec.identity, "waiting until it answers")
        await super().provide(spec)


async def test_those_that_stopped_come_back_side_by_side_and_one_that_does_not_keeps_no_other(registry: SqlRegistry) -> None:
    vault = MemoryVault()
    await provided(registry, FakeEngine(), vault)
    assert await revive_resources(registry, vault, SideBySide()) == ["notes-postgres"]


async def test_address_of_an_addon_that_app_json_names_no_more_is_given_to_nobody(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    await provided(registry, engine, vault)
    live = vault.held("notes")["DATABASE_URL"]
    version = await provided(registry, engine, vault, "")
    assert (version.plain["DATABASE_URL"], version.secrets) == ("sqlite:////data/app.db", {})
    version = await provided(registry, engine, vault, '{"addons": [{"plan": "postgres", "as": "MAIN"}]}')
    assert (version.plain["DATABASE_URL"], [*version.secrets]) == ("sqlite:////data/app.db", ["MAIN_URL"])
    assert (await environment_values(version, vault))["MAIN_URL"] == live
    assert [*(await provided(registry, engine, vault)).secrets] == ["DATABASE_URL", "CACHE_URL"]


async def test_address_of_a_former_addon_does_not_count_as_what_a_person_gave(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    await provided(registry, engine, vault)
    wanted = requirements("CACHE_URL= # [user]\n")
    missing = await resolve_environment.fn("notes", wanted, {}, vault, registry)
    assert isinstance(missing, Missing)
    assert missing.complaints["CACHE_URL"].sentence("CACHE_URL") == (
        "CACHE_URL is the address of a database that app.json asks for no more"
    )
    assert "CACHE_URL" not in await vault.names("notes")
    vault.hold("notes", "CACHE_URL", "redis://:own@cache.example")
    version = await resolve_environment.fn("notes", wanted, {}, vault, registry)
    assert isinstance(version, EnvironmentVersion)
    assert (await environment_values(version, vault))["CACHE_URL"] == "redis://:own@cache.example"


async def test_secret_that_was_an_address_is_made_anew(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    await provided(registry, engine, vault)
    live = vault.held("notes")["CACHE_URL"]
    version = await resolve_environment.fn("notes", requirements("CACHE_URL= # [infra]\n"), {}, vault, registry)
    assert isinstance(version, EnvironmentVersion)
    assert (await environment_values(version, vault))["CACHE_URL"] != live


async def test_removed_project_leaves_no_database_and_no_row(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    await provided(registry, engine, vault)
    left = ResourceSpec(project="notes", kind=ResourceKind.REDIS, password="x", scratch_of="notes-rehearsal-x")
    await engine.resources.provide(left)
    for _ in range(2):
        await remove_resources("notes", registry, engine.resources)
    assert (engine.resources.live, engine.resources.data, await registry.resources()) == ({}, {}, ())


async def test_database_that_cannot_be_removed_keeps_its_row(registry: SqlRegistry) -> None:
    engine, vault = FakeEngine(), MemoryVault()
    await provided(registry, engine, vault)
    engine.resources.reachable = False
    with pytest.raises(ServiceUnreachable):
        await remove_resources("notes", registry, engine.resources)
    assert len(await registry.resources("notes")) == 2
