"""A connection to SQLite that goes to its thread as seldom as it can.

aiosqlite has each connection's work done in a thread of its own, so that no slow question holds up the event loop, and goes
there for each thing: nine times for a transaction with one SELECT, which itself takes less than one such trip. Here a
statement comes back with all its rows at once, and what takes no time needs no trip: the begin and the end of a reading, and
a rollback of what is over, which a pool asks for each time that it takes a connection back.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import aiosqlite

READ, WRITE = "BEGIN", "BEGIN IMMEDIATE"
"""How transactions begin here; one that reads takes no lock, and has none to give back."""


class Trips(aiosqlite.Connection):
    """What SQLAlchemy's dialect asks of a connection, with a cursor of its own."""

    _reads = False
    _is_over = False
    """Nothing was done since the last commit, nor begun."""

    async def cursor(self) -> "Cursor":  # type: ignore[override]
        return Cursor(self)

    def read(self) -> None:
        """Begin to read."""
        self._conn.execute(READ)
        self._reads, self._is_over = True, False

    async def trip(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Have the connection's thread do it."""
        self._is_over = False
        await self._execute(work, self._conn)  # type: ignore[no-untyped-call]

    async def commit(self) -> None:
        if self._reads:
            self._conn.commit()
        else:
            await super().commit()
        self._reads, self._is_over = False, True

    async def rollback(self) -> None:
        if not self._is_over:
            self._reads = False
            await super().rollback()


class Cursor:
    """What it asks of a cursor: one statement, and what came of it."""

    description: Any = None
    rowcount = -1
    lastrowid: int | None = None

    def __init__(self, connection: Trips) -> None:
        self._connection = connection
        self._rows: list[Any] = []

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        if sql == READ:
            self._connection.read()
        else:
            await self._connection.trip(lambda raw: self._done(raw.execute(sql, parameters)))

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        await self._connection.trip(lambda raw: self._done(raw.executemany(sql, parameters)))

    def _done(self, cursor: sqlite3.Cursor) -> None:
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        self._rows = cursor.fetchall()
        cursor.close()

    async def fetchall(self) -> list[Any]:
        return self._rows

    async def close(self) -> None:
        """Do nothing: the statement is over already."""
