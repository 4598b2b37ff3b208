"""What each runner of resources does in its own way: how a container is made, and what happens to one that died."""

import io
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from blocks.docker_engine.block import DockerEngine
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.networks import DockerNetworks
from blocks.docker_engine.resource_image import MAKER, ResourceImage
from blocks.docker_engine.resources import DockerResources
from blocks.process_engine.block import ProcessEngine
from blocks.process_engine.resources import ProcessResources
from blocks.process_engine.supervised import Supervised
from domain.app_data import Saved
from domain.engines import Engine
from domain.errors import ServiceUnreachable, UnknownObject
from domain.resources import ResourceKind, ResourceRunner, ResourceState
from tests.blocks.engine_bench import clean_docker, docker_engine, process_engine, until
from tests.blocks.postgres import server_folder
from tests.blocks.resource_bench import Bench, container_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ProcessEngine:
    return process_engine(tmp_path_factory.mktemp("resources"))


@pytest.fixture
async def processes(folder: ProcessEngine) -> AsyncIterator[Bench]:
    made = Bench(folder.resources)
    yield made
    await made.clear()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    made = docker_engine(tmp_path_factory)
    assert isinstance(made, DockerEngine)
    yield made
    clean_docker(f"slipway.installation=tests-{os.getpid()}")


@pytest.fixture(scope="module")
def on_docker(engine: DockerEngine) -> ResourceRunner:
    return engine.resources


@pytest.fixture
async def containers(on_docker: ResourceRunner) -> AsyncIterator[Bench]:
    made = Bench(on_docker)
    yield made
    await made.clear()


@pytest.mark.docker
@pytest.mark.parametrize("kind", list(ResourceKind))
async def test_container_has_no_port_no_root_and_bounds_and_its_data_outlives_it(containers: Bench, kind: ResourceKind) -> None:
    spec = containers.spec(kind)
    await containers.runner.provide(spec)
    await containers.write(spec, "kept")
    container, _ = container_of(spec)
    host, config = container.attrs["HostConfig"], container.attrs["Config"]
    assert (config["User"], host["ReadonlyRootfs"], host["CapDrop"], host["PortBindings"] or {}) == (
        "10001:10001",
        True,
        ["ALL"],
        {},
    )
    assert all(host[bound] > 0 for bound in ("Memory", "NanoCpus", "PidsLimit"))
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert "s3cret" not in " ".join(process[-1] for process in container.top()["Processes"])
    container.remove(force=True)
    assert await containers.runner.status(containers.project) == []
    await containers.runner.provide(spec.model_copy(update={"password": containers.spec(kind, "new").password}))
    assert await containers.read(containers.spec(kind, "new")) == "kept"


@pytest.mark.docker
async def test_postgres_that_was_killed_hard_comes_back_with_its_data(containers: Bench) -> None:
    """What a killed server leaves names PID 1 as its owner, which is alive in every container."""
    spec = containers.spec(ResourceKind.POSTGRES)
    await containers.runner.provide(spec)
    await containers.write(spec, "kept")
    container_of(spec)[0].kill(signal="KILL")
    await until(lambda: stopped(containers), "it is dead")
    await containers.runner.provide(spec)
    assert await containers.read(spec) == "kept"


@pytest.mark.docker
async def test_container_of_an_older_image_is_replaced_and_that_image_goes(containers: Bench, engine: DockerEngine) -> None:
    spec, connection = containers.spec(ResourceKind.REDIS), DockerConnection(None)
    today = ResourceImage(connection, engine.base_image, engine.installation, Path(engine.data_folder))
    older = OlderImage(connection, engine.installation, await today.ensure())
    networks = DockerNetworks(connection, engine.installation, Path(engine.data_folder))
    await DockerResources(connection, networks, engine.installation, older).provide(spec)
    await containers.write(spec, "kept")
    assert container_of(spec)[0].attrs["Config"]["Image"] == older.name
    await containers.runner.provide(spec)
    container, _ = container_of(spec)
    assert container.attrs["Config"]["Image"] != older.name
    assert await containers.read(spec) == "kept"
    assert await connection.ask("looking", lambda api: api.images(name=older.name)) == []
    await containers.runner.provide(spec)
    assert container_of(spec)[0].id == container.id


class OlderImage(ResourceImage):
    """The image of resources as another version of Slipway would have made it."""

    def __init__(self, connection: DockerConnection, installation: str, today: str) -> None:
        self._to = connection
        self._text = f"FROM {today}\nLABEL {MAKER}={installation}\n".encode()
        self.name = f"slipway-resource:older-{os.getpid()}"

    async def ensure(self) -> str:
        await self._to.ask("building", lambda api: list(api.build(fileobj=io.BytesIO(self._text), tag=self.name, rm=True)))
        return self.name

    async def remove_unused(self) -> None:
        """Leave today's alone."""


async def test_process_that_is_removed_while_all_are_listed_is_left_out(processes: Bench, folder: ProcessEngine) -> None:
    other = Bench(folder.resources)
    for bench in (processes, other):
        await bench.runner.endpoint(bench.spec(ResourceKind.REDIS))
    gone = Vanishing(Path(folder.folder), "", processes.spec(ResourceKind.REDIS).identity)
    assert [found.project for found in gone.found()] == [other.project]
    await processes.runner.endpoint(processes.spec(ResourceKind.REDIS))
    assert await gone.endpoint(other.spec(ResourceKind.REDIS)) == await other.runner.endpoint(other.spec(ResourceKind.REDIS))
    await other.clear()


class Vanishing(ProcessResources):
    """Processes of which one is removed just before its file is read."""

    def __init__(self, root: Path, redis_server: str, gone: str) -> None:
        super().__init__(root, redis_server)
        self._gone = gone

    def _saved(self, identity: str) -> dict[str, Any]:
        if identity == self._gone:
            (self._place(identity) / "spec.json").unlink()
        return super()._saved(identity)


@pytest.mark.skipif(server_folder() is None, reason="no Postgres: install postgresql")
async def test_postgres_with_a_client_ends_in_good_order_and_at_once(processes: Bench, folder: ProcessEngine) -> None:
    spec = processes.spec(ResourceKind.POSTGRES)
    await processes.runner.provide(spec)
    client = await asyncpg.connect(await processes.url(spec), timeout=20)
    await processes.runner.stop(processes.project, ResourceKind.POSTGRES)
    log = Supervised(folder.own_resources._place(spec.identity)).log(10)
    client.terminate()
    assert ("received fast shutdown request" in log, "database system is shut down" in log) == (True, True), log


async def test_process_that_was_killed_with_its_supervisor_is_started_by_the_next_provide(
    processes: Bench, folder: ProcessEngine
) -> None:
    spec = processes.spec(ResourceKind.REDIS)
    await processes.runner.provide(spec)
    await processes.write(spec, "kept")

    async def synced() -> bool:
        return b"kept" in b"".join(path.read_bytes() for path in home.home.rglob("*.aof"))

    home = Supervised(folder.own_resources._place(spec.identity))
    await until(synced, "Redis has written it down")
    home.tree().signal(signal.SIGKILL)
    await until(lambda: stopped(processes), "nothing of it is left")
    with pytest.raises(ServiceUnreachable, match="it does not run"):
        await processes.runner.schema(processes.project, ResourceKind.REDIS)
    await processes.runner.provide(spec)
    assert await processes.read(spec) == "kept"


async def test_process_is_held_by_its_project_until_it_is_discarded(processes: Bench, folder: ProcessEngine) -> None:
    spec = processes.spec(ResourceKind.REDIS)
    await processes.runner.provide(spec)
    [held] = [each for each in await folder.held() if each.kind == "resource"]
    assert (held.name, held.projects) == (spec.identity, (processes.project,))
    assert await folder.discard(held) is True
    assert await processes.runner.status() == []
    assert await folder.discard(held) is False


@pytest.mark.docker
async def test_container_and_volume_are_held_by_their_project(containers: Bench, engine: DockerEngine) -> None:
    await containers.runner.provide(containers.spec(ResourceKind.REDIS))
    name = f"slipway-tests-{os.getpid()}-{containers.project}-redis"
    found = {(each.kind, each.name) for each in await engine.held() if each.projects == (containers.project,)}
    assert {("resource", name), ("volume", name)} <= found


async def stopped(bench: Bench) -> bool:
    return [found.state for found in await bench.runner.status(bench.project)] == [ResourceState.STOPPED]


@pytest.mark.skipif(server_folder() is None, reason="no Postgres: install postgresql")
async def test_postgres_lets_nobody_in_but_the_apps_role_with_its_password(processes: Bench) -> None:
    spec = processes.spec(ResourceKind.POSTGRES)
    await processes.runner.provide(spec)
    right = await processes.url(spec)
    for wrong in (
        right.replace("s3cret", "guess"),
        right.replace("app:s3cret@", "slipway@"),
        right.removesuffix("app") + "postgres",
    ):
        with pytest.raises(asyncpg.PostgresError):
            await asyncpg.connect(wrong, timeout=20)
    assert await processes.sql(spec, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


@pytest.mark.skipif(server_folder() is None, reason="no Postgres: install postgresql")
async def test_snapshot_of_a_projects_data_has_its_postgres_with_processes(folder: ProcessEngine) -> None:
    await keep_and_restore(folder)


@pytest.mark.docker
async def test_snapshot_of_a_projects_data_has_its_postgres_with_containers(engine: DockerEngine) -> None:
    await keep_and_restore(engine)


async def keep_and_restore(engine: Engine) -> None:
    """Save what a project keeps, change it, and see its Postgres come back with the files."""
    bench = Bench(engine.resources)
    spec = bench.spec(ResourceKind.POSTGRES)
    try:
        await bench.runner.provide(spec)
        await bench.write(spec, "before")
        saved = await engine.save_data(bench.project, "v2", 100)
        assert isinstance(saved, Saved)
        assert (saved.bytes > 0, [line.split(" ")[:3] for line in saved.schema_lines]) == (
            True,
            [["postgres", "table", "words"]],
        )
        await bench.write(spec, "after")
        await bench.sql(spec, "ALTER TABLE words ADD COLUMN meaning TEXT")
        assert await engine.data_schema(bench.project) != saved.schema_lines
        for _ in range(2):
            await engine.restore_data(bench.project, "v2")
            assert await bench.read(spec) == "before"
        assert await engine.data_schema(bench.project) == saved.schema_lines
    finally:
        await bench.clear()
        await engine.remove_data(bench.project)
    with pytest.raises(UnknownObject, match="v2"):
        await engine.restore_data(bench.project, "v2")
