"""How the registry opens its database: one engine per address, one connection and one short transaction per method.

Connections are not kept between methods (NullPool). That costs a few milliseconds, and in return a block can be used by
any number of event loops, threads and forked processes: nothing open is ever carried from one to another. A process that
lives in one event loop keeps its connections, inside `engine_kept`.
"""

from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from blocks.registry.sqlite_file import sqlite_engine
from domain.errors import Broken, ServiceUnreachable, SlipwayError

WRITES = {"slipway_writes": True}
FULL = ("disk I/O error", "database or disk is full", "DiskFull")
"""SQLite's SQLITE_IOERR and SQLITE_FULL, the first also when its shared memory file cannot grow; Postgres's 53100."""


class Store(ABC):
    """What the parts of the registry stand on: transactions."""

    @abstractmethod
    def engine(self) -> AsyncEngine:
        """Return this process's engine."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open one transaction for a single question."""
        async with transaction(self.engine(), "reading") as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, what: str) -> AsyncIterator[AsyncConnection]:
        """Open one transaction that no other writer of `what`, in any process, runs beside.

        SQLite has one writer at a time (BEGIN IMMEDIATE); Postgres takes an advisory lock of that name.
        """
        async with transaction(self.engine().execution_options(**WRITES), f"writing {what}") as connection:
            await lock(connection, what)
            yield connection


async def lock(connection: AsyncConnection, name: str) -> None:
    """Hold `name` until the transaction ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"slipway {name}"})


@asynccontextmanager
async def transaction(engine: AsyncEngine, attempted: str) -> AsyncIterator[AsyncConnection]:
    try:
        async with engine.begin() as connection:
            yield connection
    except (StatementError, OSError) as error:
        raise translated(error, attempted) from error


def translated(error: StatementError | OSError, attempted: str) -> SlipwayError:
    """Say who must act on a database error: busy and unreachable ones pass, the others do not."""
    reason = str(error.orig if isinstance(error, StatementError) else error).strip().splitlines() or [type(error).__name__]
    detail = reason[0].removeprefix("<class 'asyncpg.exceptions.").replace("'>:", ":")
    if isinstance(error, IntegrityError):
        return Broken(f"the registry refused {attempted}: {detail}")
    if "no such table" in detail or "UndefinedTable" in detail:
        return Broken(f"the registry has no tables yet ({attempted}: {detail}): run `slipway up`")
    passing = ("locked", "busy", "TooManyConnections", "CannotConnectNow", "Deadlock", "Serialization", "AdminShutdown")
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if isinstance(error, OSError) or lost or any(word in detail for word in passing):
        return ServiceUnreachable("the registry", attempted, detail)
    if any(word in detail for word in FULL):
        return ServiceUnreachable("the registry", attempted, f"{detail}: the disk is full or fails, free some space on it")
    return Broken(f"the registry failed while {attempted}: {detail}")


KEPT = 8
"""Connections that a process keeps: who comes while all are in use waits for as long as it takes, in order."""


def pooled_engine(url: str) -> AsyncEngine:
    """Return an engine that keeps its connections, which a process with one event loop may: opening one takes milliseconds."""
    if make_url(url).get_backend_name() == "sqlite":
        return sqlite_engine(url, KEPT)
    sizes = {"pool_size": KEPT, "max_overflow": 0, "pool_timeout": None}
    return create_async_engine(url, pool_pre_ping=True, hide_parameters=True, **sizes)


_kept: dict[tuple[str, AbstractEventLoop], AsyncEngine] = {}


@asynccontextmanager
async def engine_kept(url: str) -> AsyncIterator[None]:
    """Keep connections while the block runs, for everything in this event loop that asks for this address."""
    key = (url, get_running_loop())
    engine = _kept[key] = pooled_engine(url)
    try:
        yield
    finally:
        del _kept[key]
        await engine.dispose()


def open_engine(url: str) -> AsyncEngine:
    """Return the engine that this event loop keeps, else the process's one, which keeps no connections."""
    kept = _kept.get((url, get_running_loop())) if _kept else None
    return kept or _common_engine(url)


@lru_cache(maxsize=8)
def _common_engine(url: str) -> AsyncEngine:
    """Return the engine of this address; the same one within a process, so that statements are compiled once."""
    if make_url(url).get_backend_name() == "sqlite":
        return sqlite_engine(url)
    return create_async_engine(url, poolclass=NullPool, hide_parameters=True)
