"""API keys as rows of the registry; of a key itself only its digest."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, literal, select, update

from blocks.registry.door_tables import api_keys
from blocks.registry.store import Store
from domain.errors import BadInput
from domain.keys import ApiKey


class ApiKeys(Store):
    """The part of the registry that knows them."""

    async def add_key(self, key: ApiKey) -> None:
        """Store it; raise BadInput when the key that makes it was revoked meanwhile."""
        ended = select(api_keys.c.id).where(api_keys.c.id == key.maker, api_keys.c.revoked.is_not(None))
        async with self.writing("API keys") as db:
            if (await db.execute(ended)).first() is not None:
                raise BadInput("the key that makes this one was revoked")
            await db.execute(insert(api_keys).values(key.model_dump() | {"scopes": [scope.value for scope in key.scopes]}))

    async def key(self, id: str) -> ApiKey | None:
        """Return the key of this id, or None."""
        async with self.reading() as db:
            row = (await db.execute(_ONE, {"of": id})).first()
        return None if row is None else _key(row)

    async def api_keys(self) -> Sequence[ApiKey]:
        """Return all, also those that count no more, oldest first."""
        async with self.reading() as db:
            rows = await db.execute(select(api_keys).order_by(api_keys.c.created, api_keys.c.id))
        return tuple(_key(row) for row in rows)

    async def revoke_key(self, id: str, at: datetime) -> Sequence[str]:
        """Let it, and all that it made, open nothing from now on; the first time stands. Return their ids, its own first."""
        family = select(api_keys.c.id, literal(0).label("depth")).where(api_keys.c.id == id).cte("family", recursive=True)
        made = select(api_keys.c.id, family.c.depth + 1).where(api_keys.c.maker == family.c.id)
        family = family.union_all(made)
        async with self.writing("API keys") as db:
            ids = (await db.execute(select(family.c.id).order_by(family.c.depth))).scalars().all()
            those = update(api_keys).where(api_keys.c.id.in_(ids), api_keys.c.revoked.is_(None))
            await db.execute(those.values(revoked=at))
        return tuple(ids)

    async def use_key(self, id: str, at: datetime) -> None:
        """Write down its last use."""
        async with self.writing("API keys") as db:
            await db.execute(update(api_keys).where(api_keys.c.id == id).values(used=at))


_ONE = select(api_keys).where(api_keys.c.id == bindparam("of"))
"""Asked with each request: made once."""


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey.model_validate(dict(row._mapping))
