"""What was asked through the HTTP API once, as rows of the registry."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert, select, update

from blocks.registry.door_tables import api_requests
from blocks.registry.store import Store
from domain.requested import KEPT, Asked


class AskedOnce(Store):
    """The part of the registry that knows idempotency keys."""

    async def ask_once(self, asked: Asked) -> Asked:
        """Store it and return what is stored: the first one of this caller and key. What is older than `KEPT` is forgotten."""
        table = api_requests
        same = select(table).where(table.c.caller == asked.caller, table.c.key == asked.key)
        async with self.writing(f"asked {asked.caller}") as db:
            await db.execute(delete(table).where(table.c.at < asked.at - KEPT))
            if (row := (await db.execute(same)).first()) is not None:
                return Asked.model_validate(dict(row._mapping))
            await db.execute(insert(table).values(asked.model_dump(exclude={"status", "answer"})))
            return asked

    async def answer_once(self, asked: Asked, status: int, answer: Mapping[str, Any]) -> None:
        """Store the answer; the first one stands."""
        table = api_requests
        same = (table.c.caller == asked.caller) & (table.c.key == asked.key) & table.c.status.is_(None)
        async with self.writing(f"asked {asked.caller}") as db:
            await db.execute(update(table).where(same).values(status=status, answer=dict(answer)))
