"""What is told to people and what was done in whose name, as rows of the registry."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from blocks.registry import tables
from blocks.registry.store import Store
from domain.audit import AuditLine
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

    async def notifications(self, channel: str, since: datetime) -> Sequence[Notification]:
        """Return what was written for the channel since then, sent or not, in the order it was added."""
        table = tables.notifications
        written = select(table).where(table.c.channel == channel, table.c.created >= since).order_by(table.c.position)
        async with self.reading() as db:
            rows = await db.execute(written)
        return tuple(_notification(row) for row in rows)

    async def mark_sent(self, key: str, at: datetime) -> None:
        """Take it out of the waiting ones; the first time stands."""
        table = tables.notifications
        async with self.writing(f"notification {key}") as db:
            await db.execute(update(table).where(table.c.key == key, table.c.sent.is_(None)).values(sent=at))

    async def audit(self, line: AuditLine) -> None:
        """Append one line; nothing ever changes or removes it."""
        async with self.writing(f"audit of {line.project}") as db:
            await db.execute(insert(tables.audit).values(line.model_dump()))

    async def history(self, project: str | None = None, since: datetime | None = None) -> Sequence[AuditLine]:
        """Return the lines of one project or of all, since then or all, in the order in which they were written."""
        table = tables.audit
        lines = select(table).order_by(table.c.position)
        lines = lines if project is None else lines.where(table.c.project == project)
        lines = lines if since is None else lines.where(table.c.at >= since)
        async with self.reading() as db:
            rows = await db.execute(lines)
        return tuple(_line(row) for row in rows)


def _line(row: Row[Any]) -> AuditLine:
    return AuditLine.model_validate({name: row._mapping[name] for name in AuditLine.model_fields})


def _notification(row: Row[Any]) -> Notification:
    return Notification.model_validate({name: row._mapping[name] for name in Notification.model_fields})
