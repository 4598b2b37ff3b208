"""Browsers that have signed in, and the links by which they do, as rows of the registry."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blocks.registry.store import Store
from blocks.registry.visit_tables import login_links, visits
from domain.visits import KEPT, LoginLink, Visit

_WHAT = "visits"


class BrowserVisits(Store):
    """The part of the registry that knows them."""

    async def add_link(self, link: LoginLink) -> None:
        async with self.writing(_WHAT) as db:
            await db.execute(insert(login_links).values(_row(link)))

    async def login_link(self, digest: str) -> LoginLink | None:
        """Return the link of this digest, used or not; None when there is none."""
        row = await self._one(login_links, digest)
        return None if row is None else LoginLink.model_validate(dict(row._mapping))

    async def begin_visit(self, visit: Visit, link: str | None = None) -> bool:
        """Store it, and use the link of this digest up by it; False, and nothing, when its proof or the link was used."""
        async with self.writing(_WHAT) as db:
            await _forget(db, visit.created - KEPT)
            if (await db.execute(select(visits.c.digest).where(visits.c.proof == visit.proof))).first() is not None:
                return False
            if link is not None and not await _used_up(db, link, visit.created):
                return False
            await db.execute(insert(visits).values(_row(visit)))
            return True

    async def visit(self, digest: str) -> Visit | None:
        """Return the visit of this digest, ended or not; None when there is none."""
        row = await self._one(visits, digest)
        return None if row is None else _visit(row)

    async def visits(self, owner: str) -> Sequence[Visit]:
        """Return all of this owner's that are kept, oldest first."""
        async with self.reading() as db:
            rows = await db.execute(select(visits).where(visits.c.owner == owner).order_by(visits.c.created, visits.c.digest))
        return tuple(_visit(row) for row in rows)

    async def end_visit(self, digest: str, at: datetime) -> None:
        """Let it open nothing from now on; the first time stands."""
        async with self.writing(_WHAT) as db:
            this = update(visits).where(visits.c.digest == digest, visits.c.ended.is_(None))
            await db.execute(this.values(ended=at))

    async def end_visits(self, owner: str, at: datetime) -> int:
        """End all of this owner's, and the links that were made for them; return how many visits that were."""
        open_links = update(login_links).where(login_links.c.owner == owner, login_links.c.used.is_(None))
        open_visits = update(visits).where(visits.c.owner == owner, visits.c.ended.is_(None), visits.c.expires > at)
        async with self.writing(_WHAT) as db:
            await db.execute(open_links.values(used=at))
            return (await db.execute(open_visits.values(ended=at))).rowcount

    async def _one(self, table: Table, digest: str) -> Row[Any] | None:
        async with self.reading() as db:
            return (await db.execute(select(table).where(table.c.digest == digest))).first()


async def _used_up(db: AsyncConnection, digest: str, at: datetime) -> bool:
    """Use the link up, and tell whether it counted until now."""
    open_link = update(login_links).where(
        login_links.c.digest == digest, login_links.c.used.is_(None), login_links.c.expires > at
    )
    return (await db.execute(open_link.values(used=at))).rowcount == 1


async def _forget(db: AsyncConnection, before: datetime) -> None:
    for table in (visits, login_links):
        await db.execute(delete(table).where(table.c.expires < before))


def _row(value: Visit | LoginLink) -> dict[str, Any]:
    return value.model_dump() | {"scopes": [scope.value for scope in value.scopes]}


def _visit(row: Row[Any]) -> Visit:
    return Visit.model_validate(dict(row._mapping))
