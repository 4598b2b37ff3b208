"""The pool of bots as rows: each move is one compare-and-set by the row's fence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blocks.registry import tables
from blocks.registry.projects import project_row
from blocks.registry.runs import ENDED
from blocks.registry.store import Store
from domain.bots import MOVES, Bot, BotState
from domain.errors import BadInput, UnknownObject

_TABLE = tables.bots
_POOL = "the bot pool"


class BotPool(Store):
    """The part of the registry that knows bots."""

    async def add_bot(self, id: str, username: str, at: datetime) -> Bot:
        """Store it resting; raise BadInput, and change nothing, for one that a project has."""
        async with self.writing(_POOL) as db:
            found = await _found(db, id)
            if found is not None and (found.state is BotState.LEASED or found.project):
                verb = "is" if found.state is BotState.LEASED else "rests after it was"
                raise BadInput(f"@{found.username} is in the pool already, and {verb} the bot of {found.project}")
            new = Bot(id=id, username=username, state=BotState.RESTING, since=at, fence=found.fence + 1 if found else 1)
            row = {**new.model_dump(), "state": new.state.value}
            await db.execute(update(_TABLE).where(_TABLE.c.id == id).values(row) if found else insert(_TABLE).values(row))
            return new

    async def bots(self) -> Sequence[Bot]:
        """Return all, by username."""
        async with self.reading() as db:
            rows = await db.execute(select(_TABLE).order_by(_TABLE.c.username, _TABLE.c.id))
        return tuple(_bot(row) for row in rows)

    async def lease_bot(self, project: str, at: datetime) -> Bot | None:
        """Give the project the free bot that has waited longest, or the one that it has; None when none is free."""
        mine = select(_TABLE).where(_TABLE.c.project == project, _TABLE.c.state == BotState.LEASED.value)
        longest = select(_TABLE).where(_TABLE.c.state == BotState.FREE.value).order_by(_TABLE.c.since, _TABLE.c.id).limit(1)
        async with self.writing(_POOL) as db:
            if (row := (await db.execute(mine)).first()) is not None:
                return _bot(row)
            if await project_row(db, project) is None:
                raise UnknownObject("project", project)
            row = (await db.execute(longest)).first()
            return None if row is None else await _moved(db, _bot(row), BotState.LEASED, project, at)

    async def move_bot(self, bot: Bot, state: BotState, at: datetime, *, idle: bool = False) -> Bot | None:
        """Move from the very row that `bot` is; None when that was moved since, or when `idle` and somebody works on it."""
        if state not in MOVES[bot.state] or state is BotState.LEASED:
            raise BadInput(f"@{bot.username} is {bot.state.value} and cannot become {state.value}")
        project = bot.project if state is BotState.RESTING else ""
        async with self.writing(_POOL) as db:
            if idle and await _is_worked_on(db, bot.project):
                return None
            return await _moved(db, bot, state, project, at)

    async def dress_bot(self, bot: Bot, profile: str) -> bool:
        """Write down what it was given; False when the row was moved since."""
        same = update(_TABLE).where(_TABLE.c.id == bot.id, _TABLE.c.fence == bot.fence)
        async with self.writing(_POOL) as db:
            return bool((await db.execute(same.values(profile=profile))).rowcount)


async def _moved(db: AsyncConnection, bot: Bot, state: BotState, project: str, at: datetime) -> Bot | None:
    row = {"state": state.value, "project": project, "fence": bot.fence + 1, "since": at, "profile": ""}
    same = update(_TABLE).where(_TABLE.c.id == bot.id, _TABLE.c.fence == bot.fence, _TABLE.c.state == bot.state.value)
    changed = (await db.execute(same.values(row).returning(_TABLE))).first()
    return None if changed is None else _bot(changed)


async def _is_worked_on(db: AsyncConnection, project: str) -> bool:
    """Tell whether the project is there and a run of it goes on. Who leases a bot has both rows before."""
    if await project_row(db, project) is None:
        return False
    runs = select(tables.runs.c.id).where(tables.runs.c.project == project, tables.runs.c.state.not_in(ENDED))
    return (await db.execute(runs.limit(1))).first() is not None


async def _found(db: AsyncConnection, id: str) -> Bot | None:
    row = (await db.execute(select(_TABLE).where(_TABLE.c.id == id))).first()
    return None if row is None else _bot(row)


def _bot(row: Row[Any]) -> Bot:
    return Bot.model_validate(dict(row._mapping))
