"""The registry's SQLite file, opened so that several processes can write to it."""

import asyncio
import sqlite3
from contextlib import suppress
from typing import Any

import aiosqlite
from sqlalchemy import Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from blocks.registry.sqlite_trips import READ, WRITE, Trips

BUSY_SECONDS = 30
"""How long a writer waits for another process's transaction."""


def sqlite_engine(url: str, kept: int = 0) -> AsyncEngine:
    """Return an engine whose writers take turns from their first statement on; it keeps so many connections at most."""
    file = make_url(url).database or ""

    async def opened() -> aiosqlite.Connection:
        # Opened before aiosqlite starts its thread: a failure inside it leaves the thread behind the event loop, complaining.
        raw = await asyncio.to_thread(_open, file)
        connection = Trips(lambda: raw, iter_chunk_size=64)
        # As SQLAlchemy does where it opens: a thread still busy must not keep a process from ending.
        connection._thread.daemon = True
        return await connection

    engine = create_async_engine(url, hide_parameters=True, async_creator=opened, **_pool(kept))
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _pool(kept: int) -> dict[str, Any]:
    sizes = {"pool_size": kept, "max_overflow": 0, "pool_timeout": None}
    return {"poolclass": AsyncAdaptedQueuePool, **sizes} if kept else {"poolclass": NullPool}


def _open(file: str) -> sqlite3.Connection:
    # Transactions are begun by us, not guessed by the driver: isolation_level None.
    connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    # Several processes that meet an empty file collide here without waiting. One of the next connections changes the mode
    # then, and until that every transaction is as safe, only slower. Any other failure shows at the first statement.
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")
    for forgotten_each_time in ("synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {forgotten_each_time}")
    return connection


def _begin(connection: Connection) -> None:
    """Take the write lock first: a reader that turns writer half way cannot wait and fails at once."""
    writes = connection.get_execution_options().get("slipway_writes", False)
    connection.exec_driver_sql(WRITE if writes else READ)
