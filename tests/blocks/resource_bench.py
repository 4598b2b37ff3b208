"""What the tests of resources stand on: one runner for a session, and a bench that writes into resources and reads them."""

import os
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import docker
import pytest
from pydantic import SecretStr

from blocks.resource_clients import redis_at
from domain.resources import ResourceKind, ResourceRunner, ResourceSpec, url_of
from tests.blocks.engine_bench import docker_engine, process_engine, shared_folder
from tests.fakes.resources import MemoryResources

numbers = count(1)
RUNNERS: dict[str, Callable[[pytest.TempPathFactory], ResourceRunner]] = {
    "fake": lambda factory: MemoryResources(),
    "process": lambda factory: process_engine(shared_folder(factory)).resources,
    "docker": lambda factory: docker_engine(factory).resources,
}


def on_server(url: str, folder: Path) -> ResourceRunner:
    """Return what a machine without containers has when its operator names a server; Redis stays a process."""
    return process_engine(folder).model_copy(update={"app_postgres_url": SecretStr(url)}).resources


class Writable(Protocol):
    """A resource as the app sees it: one word of text."""

    async def write(self, spec: ResourceSpec, text: str) -> None: ...

    async def read(self, spec: ResourceSpec) -> str: ...


class Bench:
    """One project of its own on a runner that the whole session shares."""

    def __init__(self, runner: ResourceRunner) -> None:
        self.runner = runner
        self.project = f"res-{os.getpid()}-{next(numbers)}"

    def spec(self, kind: ResourceKind, password: str = "s3cret", **more: Any) -> ResourceSpec:  # noqa: S107 - made up
        return ResourceSpec(project=self.project, kind=kind, password=password, **more)

    def scratch(self, kind: ResourceKind) -> ResourceSpec:
        return self.spec(kind, "another", scratch_of=f"{self.project}-rehearsal-r-1-round-1", run="r-1")

    async def write(self, spec: ResourceSpec, text: str) -> None:
        """Put the word in the place of the one before."""
        match self.runner, spec.kind:
            case MemoryResources(), _:
                self.runner.data[spec.identity] = text
            case _, ResourceKind.REDIS:
                async with redis_at(await self.url(spec)) as client:
                    await client.set("word", text)
            case _:
                await self.sql(spec, "CREATE TABLE IF NOT EXISTS words (word TEXT)", "DELETE FROM words")
                await self.sql(spec, f"INSERT INTO words VALUES ('{text}')")  # noqa: S608  (a word of the test's)

    async def read(self, spec: ResourceSpec) -> str:
        """Return the word; empty when there is none."""
        match self.runner, spec.kind:
            case MemoryResources(), _:
                return self.runner.data[spec.identity]
            case _, ResourceKind.REDIS:
                async with redis_at(await self.url(spec)) as client:
                    return ((await client.get("word")) or b"").decode()
            case _:
                found = await self.sql(spec, "SELECT to_regclass('words')")
                return (await self.sql(spec, "SELECT word FROM words")) if found else ""

    async def make(self, spec: ResourceSpec, statements: Mapping[str, str]) -> None:
        """Have the database make what each line of a schema, without its digest, is made by."""
        if isinstance(self.runner, MemoryResources):
            made = {f"schema {line}": statement.replace(" ", "_") for line, statement in statements.items()}
            known = dict(line.rsplit(" ", 1) for line in self.runner.data[spec.identity].splitlines())
            self.runner.data[spec.identity] = "\n".join(" ".join(each) for each in (known | made).items())
        else:
            await self.sql(spec, *statements.values())

    async def sql(self, spec: ResourceSpec, *statements: str) -> Any:
        """Return the first value that the last statement gives."""
        connection = await asyncpg.connect(await self.url(spec), timeout=20)
        try:
            for statement in statements:
                value = await connection.fetchval(statement)
            return value
        finally:
            await connection.close()

    async def url(self, spec: ResourceSpec) -> str:
        """Return an address that this machine can use: a name on a project's network is known there only."""
        endpoint = await self.runner.endpoint(spec)
        if endpoint.host.startswith(spec.kind.value):
            endpoint = endpoint.model_copy(update={"host": container_of(spec)[1]})
        return url_of(spec.kind, endpoint, spec.password.get_secret_value())

    async def clear(self) -> None:
        for found in await self.runner.status(self.project):
            await self.runner.remove(found.project, found.kind, found.scratch_of)


def container_of(spec: ResourceSpec) -> tuple[Any, str]:
    """Return the resource's container, and its address on its project's network."""
    client = docker.from_env()
    try:
        name = f"slipway-tests-{os.getpid()}-{spec.identity}"
        found = client.containers.get(name)
        (network,) = found.attrs["NetworkSettings"]["Networks"].values()
        return found, network["IPAddress"]
    finally:
        client.close()
