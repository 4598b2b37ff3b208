"""What GitHub told, as rows of the registry: each once, and until something came of it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update

from blocks.registry.door_tables import webhooks
from blocks.registry.store import Store
from domain.webhooks import AT_ONCE, KEPT, Webhook


class HeardWebhooks(Store):
    """The part of the registry that knows deliveries of webhooks."""

    async def hear(self, webhook: Webhook) -> bool:
        """Store it; False when its id or its body is known. What is older than `KEPT` is forgotten."""
        same = or_(webhooks.c.id == webhook.id, webhooks.c.digest == webhook.digest)
        async with self.writing("webhooks") as db:
            await db.execute(delete(webhooks).where(webhooks.c.at < webhook.at - KEPT))
            if (await db.execute(select(webhooks.c.id).where(same))).first() is not None:
                return False
            row = webhook.model_dump(exclude={"event"}) | {"event": webhook.event.model_dump(mode="json")}
            await db.execute(insert(webhooks).values(row))
        return True

    async def unhandled(self) -> Sequence[Webhook]:
        """Return what nothing has come of yet, oldest first, `AT_ONCE` at most: before all what was tried least often."""
        open_ = select(webhooks).where(webhooks.c.handled.is_(None))
        waiting = open_.order_by(webhooks.c.tries, webhooks.c.at, webhooks.c.id).limit(AT_ONCE)
        async with self.reading() as db:
            rows = await db.execute(waiting)
        return tuple(Webhook.model_validate(dict(row._mapping)) for row in rows)

    async def try_webhook(self, id: str) -> int:
        """Count one more try, and return how many there were with it."""
        this = webhooks.c.id == id
        async with self.writing("webhooks") as db:
            await db.execute(update(webhooks).where(this).values(tries=webhooks.c.tries + 1))
            return (await db.execute(select(webhooks.c.tries).where(this))).scalar() or 0

    async def settle_webhook(self, id: str, outcome: str, at: datetime) -> None:
        """Write down what came of it; the first outcome stands."""
        this = (webhooks.c.id == id) & webhooks.c.handled.is_(None)
        async with self.writing("webhooks") as db:
            await db.execute(update(webhooks).where(this).values(outcome=outcome, handled=at))
