"""One contract for all that runs databases: in memory, as plain processes, on the operator's server, in containers."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from domain.errors import ServiceUnreachable, UnknownObject
from domain.resources import ResourceKind, ResourceRunner, ResourceState
from domain.snapshots import as_text, moved
from tests.blocks.engine_bench import clean_docker
from tests.blocks.postgres import server_folder
from tests.blocks.resource_bench import RUNNERS, Bench, on_server

EVERYTHING = {
    "postgres table words": "CREATE TABLE words (id SERIAL PRIMARY KEY, word TEXT)",
    "postgres index by_word": "CREATE INDEX by_word ON words (word)",
    "postgres unique-index by_id": "CREATE UNIQUE INDEX by_id ON words (id, word)",
    "postgres view all_words": "CREATE VIEW all_words AS SELECT word FROM words",
    "postgres type mood": "CREATE TYPE mood AS ENUM ('well', 'ill')",
    "postgres sequence numbers": "CREATE SEQUENCE numbers",
    "postgres function seen": "CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "postgres trigger on_word": "CREATE TRIGGER on_word BEFORE INSERT ON words FOR EACH ROW EXECUTE FUNCTION seen()",
}
KINDS = pytest.mark.parametrize("kind", list(ResourceKind))


@pytest.fixture(scope="module", params=["fake", "process", "server", pytest.param("docker", marks=pytest.mark.docker)])
def runner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResourceRunner]:
    if request.param == "server":
        yield on_server(request.getfixturevalue("apps_server").url, tmp_path_factory.mktemp("server"))
    else:
        yield RUNNERS[request.param](tmp_path_factory)
    if request.param == "docker":
        clean_docker(f"slipway.installation=tests-{os.getpid()}")


@pytest.fixture
async def bench(runner: ResourceRunner, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    name = request.node.name
    if "process" in name and "postgres" in name and server_folder() is None:
        pytest.skip("no Postgres: install postgresql")
    made = Bench(runner)
    yield made
    await made.clear()


@KINDS
async def test_what_is_there_is_adopted_with_its_data(bench: Bench, kind: ResourceKind) -> None:
    spec = bench.spec(kind)
    address = await bench.runner.endpoint(spec)
    assert [found.identity for found in await bench.runner.status(bench.project) if found.state is ResourceState.RUNNING] == []
    await bench.runner.provide(spec)
    await bench.write(spec, "first")
    await bench.runner.provide(spec)
    assert await bench.read(spec) == "first"
    assert await bench.runner.endpoint(spec) == address
    assert [(found.identity, found.state) for found in await bench.runner.status(bench.project)] == [
        (spec.identity, ResourceState.RUNNING)
    ]


async def test_dump_of_postgres_brings_back_what_was(bench: Bench, tmp_path: Path) -> None:
    spec = bench.spec(ResourceKind.POSTGRES)
    await bench.runner.provide(spec)
    await bench.write(spec, "first")
    assert await bench.runner.dump(bench.project, tmp_path / "dump") == (tmp_path / "dump").stat().st_size > 0
    await bench.write(spec, "second")
    for _ in range(2):
        await bench.runner.restore(bench.project, tmp_path / "dump")
        assert await bench.read(spec) == "first"


@KINDS
async def test_stopped_one_keeps_its_data_and_gives_it_to_nobody_until_it_is_provided_again(
    bench: Bench, kind: ResourceKind
) -> None:
    spec = bench.spec(kind)
    await bench.runner.stop(bench.project, kind)
    await bench.runner.provide(spec)
    await bench.write(spec, "kept")
    await bench.runner.stop(bench.project, kind)
    assert [found.state for found in await bench.runner.status(bench.project)] == [ResourceState.STOPPED]
    with pytest.raises(ServiceUnreachable, match=spec.identity):
        await bench.runner.schema(bench.project, kind)
    await bench.runner.provide(spec)
    assert await bench.read(spec) == "kept"


@KINDS
async def test_scratch_one_is_empty_and_goes_alone_and_the_projects_own_goes_with_its_data(
    bench: Bench, kind: ResourceKind
) -> None:
    spec, scratch = bench.spec(kind), bench.scratch(kind)
    for each in (spec, scratch):
        await bench.runner.provide(each)
    await bench.write(spec, "kept")
    assert await bench.read(scratch) == ""
    assert {(found.identity, found.scratch_of, found.run) for found in await bench.runner.status(bench.project)} == {
        (spec.identity, "", ""),
        (scratch.identity, scratch.scratch_of, "r-1"),
    }
    await bench.runner.remove(bench.project, kind, scratch.scratch_of)
    assert await bench.read(spec) == "kept"
    for _ in range(2):
        await bench.runner.remove(bench.project, kind)
    assert await bench.runner.status(bench.project) == []
    await bench.runner.provide(spec)
    assert await bench.read(spec) == ""


@KINDS
async def test_what_is_not_there_has_no_schema(bench: Bench, kind: ResourceKind) -> None:
    with pytest.raises(UnknownObject, match=f"{bench.project}-{kind.value}"):
        await bench.runner.schema(bench.project, kind)


async def test_postgres_that_does_not_run_is_not_dumped_and_leaves_no_file(bench: Bench, tmp_path: Path) -> None:
    spec = bench.spec(ResourceKind.POSTGRES)
    with pytest.raises(UnknownObject, match=spec.identity):
        await bench.runner.dump(bench.project, tmp_path / "dump")
    await bench.runner.provide(spec)
    await bench.runner.stop(bench.project, spec.kind)
    with pytest.raises(ServiceUnreachable, match=spec.identity):
        await bench.runner.dump(bench.project, tmp_path / "dump")
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 - a folder of the test


async def test_schema_of_postgres_names_what_has_moved_and_comes_back_with_its_data(bench: Bench, tmp_path: Path) -> None:
    kind = ResourceKind.POSTGRES
    spec = bench.spec(kind)
    await bench.runner.provide(spec)
    assert await bench.runner.schema(bench.project, kind) == ()
    await bench.make(spec, EVERYTHING)
    before = await bench.runner.schema(bench.project, kind)
    assert {line.rsplit(" ", 1)[0] for line in before} == {*EVERYTHING}
    await bench.runner.dump(bench.project, tmp_path / "dump")
    await bench.make(
        spec,
        {
            "postgres table words": "ALTER TABLE words ADD COLUMN meaning TEXT",
            "postgres table others": "CREATE TABLE others (word TEXT)",
            "postgres trigger on_other": "CREATE TRIGGER on_other BEFORE INSERT ON others FOR EACH ROW EXECUTE FUNCTION seen()",
        },
    )
    now = await bench.runner.schema(bench.project, kind)
    changed = set(moved(as_text(before), as_text(now)))
    assert changed == {"table words", "trigger on_other"}
    await bench.runner.restore(bench.project, tmp_path / "dump")
    assert await bench.runner.schema(bench.project, kind) == before


async def test_redis_has_no_schema(bench: Bench) -> None:
    spec = bench.spec(ResourceKind.REDIS)
    await bench.runner.provide(spec)
    await bench.write(spec, "word")
    assert await bench.runner.schema(bench.project, ResourceKind.REDIS) == ()
