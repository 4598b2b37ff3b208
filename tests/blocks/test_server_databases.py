"""Databases on the operator's server: who gets in, what is not ours, and where a project's own is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import docker
import pytest
from pydantic import SecretStr

from blocks.docker_engine.block import DockerEngine
from blocks.placed_resources import PlacedResources
from blocks.postgres_programs import postgres_programs, run_resource_script
from blocks.postgres_server import PostgresServer
from blocks.server_databases import ServerDatabases
from domain.database_servers import SETTING, database_name, lack, ownership
from domain.errors import NeedsPerson, ServiceUnreachable
from domain.resources import ResourceKind, ResourceSpec, ResourceState
from tests.blocks.engine_bench import docker_engine
from tests.blocks.postgres import ADMIN_PASSWORD, SharedServer, server_folder
from tests.blocks.resource_bench import Bench, on_server
from tests.blocks.services import free_port
from tests.fakes.resources import MemoryResources

KIND = ResourceKind.POSTGRES


def runner(server: SharedServer | None, folder: Path, own: MemoryResources | None = None) -> PlacedResources:
    url = SecretStr(server.url) if server else None
    return PlacedResources(own or MemoryResources(), ServerDatabases(folder, url, "tests", isolates=False))


@pytest.fixture
async def bench(apps_server: SharedServer, tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(runner(apps_server, tmp_path))
    yield made
    await made.clear()


async def as_superuser(server: SharedServer, *statements: str) -> None:
    connection = await asyncpg.connect(server.superuser, timeout=20)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_each_projects_role_gets_into_its_own_database_alone(bench: Bench, apps_server: SharedServer) -> None:
    other = Bench(bench.runner)
    for each in (bench, other):
        await each.runner.provide(each.spec(KIND))
    mine, theirs = await bench.url(bench.spec(KIND)), await other.url(other.spec(KIND))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(mine.rpartition("/")[0] + "/" + theirs.rpartition("/")[2], timeout=20)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(mine.replace("s3cret", "guess"), timeout=20)
    powers = "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert await bench.sql(bench.spec(KIND), powers) is False
    assert "s3cret" not in apps_server.log.read_text("utf-8", "replace")
    await other.clear()


async def test_database_goes_though_somebody_is_connected(bench: Bench, apps_server: SharedServer) -> None:
    await bench.runner.provide(bench.spec(KIND))
    name = database_name(bench.spec(KIND).identity)
    client = await asyncpg.connect(await bench.url(bench.spec(KIND)), timeout=20)
    await bench.runner.remove(bench.project, KIND)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await client.fetchval("SELECT 1")
    client.terminate()
    assert await PostgresServer(SecretStr(apps_server.url), "tests").states([name]) == {}


async def test_role_that_owns_something_elsewhere_on_the_server_is_told_with_the_cure(
    bench: Bench, apps_server: SharedServer
) -> None:
    await bench.runner.provide(bench.spec(KIND))
    name = database_name(bench.spec(KIND).identity)
    await as_superuser(apps_server, f'CREATE TABLE elsewhere (word TEXT); ALTER TABLE elsewhere OWNER TO "{name}"')
    with pytest.raises(NeedsPerson, match=f'role "{name}" .* owner of table elsewhere.*DROP OWNED BY'):
        await bench.runner.remove(bench.project, KIND)
    await as_superuser(apps_server, f'DROP OWNED BY "{name}"')
    await bench.runner.remove(bench.project, KIND)
    assert await PostgresServer(SecretStr(apps_server.url), "tests").states([name]) == {}


@pytest.mark.parametrize("also", [(), ('CREATE DATABASE "{name}" OWNER "{name}"',)], ids=["role", "database"])
async def test_what_a_killed_process_has_half_made_is_finished(
    bench: Bench, apps_server: SharedServer, also: tuple[str, ...]
) -> None:
    spec = bench.spec(KIND)
    name = database_name(spec.identity)
    await bench.runner.endpoint(spec)
    marked = f"COMMENT ON ROLE \"{name}\" IS '{ownership('tests', spec.identity)}'"
    grants = (f'CREATE ROLE "{name}"', marked, f'GRANT "{name}" TO slipway')
    await as_superuser(apps_server, *grants, *(each.format(name=name) for each in also))
    await bench.runner.provide(spec)
    await bench.write(spec, "mine")
    assert await bench.read(spec) == "mine"


async def test_role_of_somebody_else_by_that_name_is_neither_used_nor_dropped(bench: Bench, apps_server: SharedServer) -> None:
    spec = bench.spec(KIND)
    name = database_name(spec.identity)
    await as_superuser(apps_server, f'CREATE ROLE "{name}" LOGIN')
    with pytest.raises(NeedsPerson, match=f"{name} that this installation has not made"):
        await bench.runner.provide(spec)
    await bench.runner.remove(bench.project, KIND)
    assert await PostgresServer(SecretStr(apps_server.url), "tests").states([name])
    await as_superuser(apps_server, f'DROP ROLE "{name}"')


async def test_server_that_cannot_be_used_is_told_without_its_password(apps_server: SharedServer, tmp_path: Path) -> None:
    spec = ResourceSpec(project="shop", kind=KIND, password="word")
    wrong = PostgresServer(SecretStr(apps_server.url.replace(ADMIN_PASSWORD, "wrong-canary")), "tests")
    with pytest.raises(NeedsPerson, match="correct the setting") as refused:
        await wrong.make("slipway_shop", spec.identity, "word")
    nobody = PostgresServer(SecretStr(f"postgresql://slipway:word-canary@127.0.0.1:{free_port()}/postgres"), "tests")
    with pytest.raises(ServiceUnreachable, match=str(nobody.address)) as away:
        await nobody.look()
    assert "canary" not in f"{refused.value} {away.value} {vars(away.value)}"
    await as_superuser(apps_server, "CREATE ROLE poor LOGIN PASSWORD 'poor'")
    poor = PostgresServer(SecretStr(apps_server.url.replace(f"slipway:{ADMIN_PASSWORD}", "poor:poor")), "tests")
    with pytest.raises(NeedsPerson, match="CREATEDB CREATEROLE"):
        await poor.make("slipway_shop", spec.identity, "word")
    assert lack(await poor.look()).endswith("CREATEDB CREATEROLE")
    facts = await PostgresServer(SecretStr(apps_server.url), "tests").look()
    assert (lack(facts), facts.open_databases) == ("", ("postgres", "template1"))


async def test_what_is_there_stays_where_it_is_whatever_the_setting_says(apps_server: SharedServer, tmp_path: Path) -> None:
    own, old = MemoryResources(), ResourceSpec(project="old", kind=KIND, password="word")
    await runner(None, tmp_path, own).provide(old)
    with_server = runner(apps_server, tmp_path, own)
    assert (await with_server.endpoint(old)).host == "old-postgres"
    bench = Bench(with_server)
    try:
        await with_server.provide(bench.spec(KIND))
        without = runner(None, tmp_path, own)
        assert {found.project: found.state for found in await without.status()} == {
            "old": ResourceState.RUNNING,
            bench.project: ResourceState.STOPPED,
        }
        for refused in (without.provide(bench.spec(KIND)), without.remove(bench.project, KIND)):
            with pytest.raises(NeedsPerson, match=f"the Postgres of {bench.project} is a database of 127.0.0.1:.*{SETTING}"):
                await refused
        scratch = bench.scratch(KIND).model_copy(update={"project": "old", "scratch_of": "old-rehearsal-r-1-round-1"})
        assert (await with_server.endpoint(scratch)).host == "old-rehearsal-r-1-round-1-postgres"
    finally:
        await bench.clear()


@pytest.mark.docker
def test_volume_whose_container_was_pruned_is_not_left_for_an_empty_database(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    engine = docker_engine(tmp_path_factory)
    assert isinstance(engine, DockerEngine)
    server = ServerDatabases(tmp_path, SecretStr("postgresql://slipway:word@203.0.113.7/postgres"), "tests", isolates=True)
    placed = PlacedResources(engine.own_resources, server)
    spec = Bench(placed).spec(KIND)
    client = docker.from_env()
    client.volumes.create(f"slipway-{engine.installation}-{spec.project}-postgres")
    client.close()

    async def places() -> list[str]:
        before = (await placed.endpoint(spec)).host
        await placed.remove(spec.project, KIND)
        return [before, (await placed.endpoint(spec)).host]

    assert asyncio.run(places()) == ["postgres", "203.0.113.7"]


async def test_process_that_has_its_folder_keeps_it_beside_a_server(apps_server: SharedServer, tmp_path: Path) -> None:
    there, new = (ResourceSpec(project=project, kind=KIND, password="word") for project in ("there", "new"))
    placed = on_server("postgresql://slipway:word@203.0.113.7/postgres", tmp_path)
    assert isinstance(placed, PlacedResources)
    await placed._own.endpoint(there)
    assert [(await placed.endpoint(spec)).host for spec in (there, new)] == ["127.0.0.1", "203.0.113.7"]


async def test_containers_are_not_sent_to_a_server_on_loopback(apps_server: SharedServer, tmp_path: Path) -> None:
    isolating = ServerDatabases(tmp_path, SecretStr(apps_server.url), "tests", isolates=True)
    with pytest.raises(NeedsPerson, match=r"127\.0\.0\.1:.* is the container itself"):
        await isolating.endpoint(ResourceSpec(project="shop", kind=KIND, password="word"))
    assert await isolating.status() == []


def test_programs_that_are_too_old_for_the_server_are_told_with_the_cure() -> None:
    with pytest.raises(NeedsPerson, match="apt-get install postgresql-client-99"):
        postgres_programs(99)


async def test_newer_programs_restore_into_an_older_server(bench: Bench, apps_server: SharedServer, tmp_path: Path) -> None:
    """What pg_restore of Postgres 17 and newer begins with; an app's own row that reads the same is left as it is."""
    installed, line = server_folder(), "SET transaction_timeout = 0;"
    assert installed is not None
    (tmp_path / "psql").symlink_to(installed / "psql")
    rows = f"CREATE TABLE public.said (word TEXT);\nCOPY public.said (word) FROM stdin;\n{line}\n\\.\n"
    (tmp_path / "script").write_text(
        f"--\n-- PostgreSQL database dump\n--\n\nSET lock_timeout = 0;\n{line}\n" + "\n" * 20 + rows
    )
    (tmp_path / "pg_restore").write_text(f"#!/bin/sh\ncat {tmp_path}/script\n")
    (tmp_path / "pg_restore").chmod(0o700)
    spec = bench.spec(KIND)
    await bench.runner.provide(spec)
    where = await bench.runner.endpoint(spec)
    environment = {
        "PROGRAMS": str(tmp_path),
        "PGHOST": where.host,
        "PGPORT": str(where.port),
        "PGUSER": where.user,
        "PGDATABASE": where.database,
        "PGPASSWORD": "s3cret",
    }
    await run_resource_script("restore", "restore", environment, reads=tmp_path / "script")
    assert await bench.sql(spec, "SELECT word FROM said") == line
