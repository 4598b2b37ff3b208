"""Conversations with models, as rows of the registry."""

from collections.abc import Sequence
from functools import partial

from pydantic import SecretStr
from sqlalchemy import func, insert, select

from blocks.redis_sessions import RedisSessions, session_key
from blocks.registry import tables
from blocks.registry.store import Store
from domain.conversations import Message
from domain.errors import Broken
from domain.talks import session_prefix

_TABLE = tables.transcripts


class Conversations(Store):
    """The part of the registry that knows what was said: what was appended is there after any kill.

    With `sessions_url`, each message is shown in Redis too, after it was stored.
    """

    sessions_url: SecretStr | None

    async def load(self, conversation: str) -> Sequence[Message]:
        """Return all messages in order; none for a conversation that never began."""
        said = select(_TABLE.c.message).where(_TABLE.c.conversation == conversation).order_by(_TABLE.c.position)
        async with self.reading() as db:
            messages = (await db.execute(said)).scalars().all()
        return tuple(Message.model_validate(message) for message in messages)

    async def newest_epoch(self, name: str) -> int | None:
        """Return the epoch of the person's newest session that said anything; None when there is none."""
        prefix = session_prefix(name)
        sessions = select(_TABLE.c.conversation).where(_TABLE.c.conversation.startswith(prefix), _TABLE.c.position == 0)
        async with self.reading() as db:
            found = (await db.execute(sessions)).scalars().all()
        epochs = [each.removeprefix(prefix).partition("/")[0] for each in found]
        return max((int(epoch) for epoch in epochs if epoch.isdecimal()), default=None)

    async def append(self, conversation: str, position: int, message: Message) -> None:
        """Store the message at `position`, the next one; the same message there already changes nothing.

        Raises Broken when another message stands there, or when the position would leave a gap.
        """
        of_conversation = _TABLE.c.conversation == conversation
        async with self.writing(f"conversation {conversation}") as db:
            there = select(_TABLE.c.message).where(of_conversation, _TABLE.c.position == position)
            stored = (await db.execute(there)).scalar()
            if stored is not None and Message.model_validate(stored) == message:
                return
            count = (await db.execute(select(func.count()).where(of_conversation))).scalar_one()
            if stored is not None or position != count:
                cause = "another message stands there" if stored is not None else f"the next position is {count}"
                raise Broken(f"cannot append to conversation {conversation} at {position}: {cause}")
            row = {"conversation": conversation, "position": position, "message": message.model_dump(mode="json")}
            await db.execute(insert(_TABLE).values(row))
            run, _, _ = conversation.partition("/")
            project = (await db.execute(select(tables.runs.c.project).where(tables.runs.c.id == run))).scalar() or ""
        if self.sessions_url is not None:
            sessions = RedisSessions(self.sessions_url.get_secret_value())
            await sessions.show(session_key(project, conversation), position, message, partial(self.load, conversation))
