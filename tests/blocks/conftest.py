"""Registries to test on: always SQLite, and Postgres where a server can be had."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import make_url

from blocks.registry.block import SqlRegistry
from tests.blocks.ledger_process import BUDGET
from tests.blocks.postgres import SharedServer, private_server, server_folder, shared_server
from tests.blocks.services import free_port
from tests.registry_database import lay_registry


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield the URL of SLIPWAY_TEST_POSTGRES_URL, else of a private server."""
    given = os.environ.get("SLIPWAY_TEST_POSTGRES_URL")
    programs = server_folder()
    if given:
        yield given
    elif programs is None:
        pytest.skip("no Postgres: set SLIPWAY_TEST_POSTGRES_URL or install postgresql")
    else:
        with private_server(programs) as url:
            yield url


@pytest.fixture(scope="session")
def apps_server() -> Iterator[SharedServer]:
    """Yield a server as an operator has one for the databases of projects."""
    programs = server_folder()
    if programs is None:
        pytest.skip("no Postgres: install postgresql")
    with shared_server(programs, free_port()) as server:
        yield server


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Yield the URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/registry.db"
        return
    server = make_url(request.getfixturevalue("postgres_server"))
    name = f"slipway_{os.getpid()}_{abs(hash(tmp_path)):x}"
    admin = await asyncpg.connect(server.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        yield server.set(database=name).render_as_string(hide_password=False)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest_asyncio.fixture
async def registry(empty_url: str) -> AsyncIterator[SqlRegistry]:
    """Yield a registry with tables and a budget of one dollar per project."""
    await lay_registry(empty_url)
    registry = SqlRegistry(url=empty_url, budget_micro_usd=BUDGET)
    yield registry
    await registry.close()
