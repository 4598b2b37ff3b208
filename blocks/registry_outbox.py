"""What is told to people and what was done in whose name, as rows of the registry."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from blocks import registry_tables as tables
from blocks.registry_store import Store
from domain.runs import Notification


class Outbox(Store):
    """The part of the registry that knows notifications and the audit."""

    async def add_notification(self, notification: Notification) -> bool:
        """Store it; False when the key is there already."""
        table = tables.notifications
        async with self.writing(f"notification {notification.key}") as db:
            if (await db.execute(select(table.c.key).where(table.c.key == notification.key))).first() is not None:
                return False
            await db.execute(insert(table).values(notification.model_dump()))
        return True

    async def unsent(self, channel: str) -> Sequence[Notification]:
        """Return what waits to be sent on this channel, in the order it was added."""
        table = tables.notifications
        waiting = select(table).where(table.c.channel == channel, table.c.sent.is_(None)).order_by(table.c.position)
        async with self.reading() as db:
            rows = await db.execute(waiting)
        return tuple(_notification(row) for row in rows)

    async def mark_sent(self, key: str, at: datetime) -> None:
        """Take it out of the waiting ones; the first time stands."""
        table = tables.notifications
        async with self.writing(f"notification {key}") as db:
            await db.execute(update(table).where(table.c.key == key, table.c.sent.is_(None)).values(sent=at))

    async def audit(self, project: str, actor: str, what: str, why: str, at: datetime) -> None:
        """Append one line; nothing ever changes or removes it."""
        row = {"project": project, "actor": actor, "what": what, "why": why, "at": at}
        async with self.writing(f"audit of {project}") as db:
            await db.execute(insert(tables.audit).values(row))

    async def history(self, project: str) -> Sequence[tuple[datetime, str, str, str]]:
        """Return (when, who, what, why), oldest first."""
        table = tables.audit
        lines = select(table.c.at, table.c.actor, table.c.what, table.c.why).where(table.c.project == project)
        async with self.reading() as db:
            rows = await db.execute(lines.order_by(table.c.position))
        return tuple((row.at, row.actor, row.what, row.why) for row in rows)


def _notification(row: Row[Any]) -> Notification:
    return Notification.model_validate({name: row._mapping[name] for name in Notification.model_fields})
