"""API keys as rows of the registry; of a key itself only its digest."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from blocks.registry_door_tables import api_keys
from blocks.registry_store import Store
from domain.keys import ApiKey


class ApiKeys(Store):
    """The part of the registry that knows them."""

    async def add_key(self, key: ApiKey) -> None:
        async with self.writing("API keys") as db:
            await db.execute(insert(api_keys).values(key.model_dump() | {"scopes": [scope.value for scope in key.scopes]}))

    async def key(self, id: str) -> ApiKey | None:
        """Return the key of this id, or None."""
        async with self.reading() as db:
            row = (await db.execute(select(api_keys).where(api_keys.c.id == id))).first()
        return None if row is None else _key(row)

    async def api_keys(self) -> Sequence[ApiKey]:
        """Return all, also those that count no more, oldest first."""
        async with self.reading() as db:
            rows = await db.execute(select(api_keys).order_by(api_keys.c.created, api_keys.c.id))
        return tuple(_key(row) for row in rows)

    async def revoke_key(self, id: str, at: datetime) -> bool:
        """Let it open nothing from now on, the first time stands; False when there is none of this id."""
        this = update(api_keys).where(api_keys.c.id == id)
        async with self.writing("API keys") as db:
            await db.execute(this.where(api_keys.c.revoked.is_(None)).values(revoked=at))
            return (await db.execute(select(api_keys.c.id).where(api_keys.c.id == id))).first() is not None

    async def use_key(self, id: str, at: datetime) -> None:
        """Write down its last use."""
        async with self.writing("API keys") as db:
            await db.execute(update(api_keys).where(api_keys.c.id == id).values(used=at))


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey.model_validate(dict(row._mapping))
