"""Rollbacks that were tried, as rows of the registry: written before anything is done, ended once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from blocks.registry import tables
from blocks.registry.releases import check_fence
from blocks.registry.store import Store
from domain.rollbacks import Attempt, RollbackOutcome

_TABLE = tables.rollbacks


class ProjectRollbacks(Store):
    """The part of the registry that knows rollbacks."""

    async def begin_rollback(
        self, project: str, bad: int, good: int | None, at: datetime, *, automatic: bool, fence: int
    ) -> Attempt:
        """Store an attempt before anything is done; one of the same two releases that is still open is returned."""
        row = {"project": project, "bad": bad, "good": good, "automatic": automatic, "at": at}
        begun = RollbackOutcome.BEGUN.value
        same = select(_TABLE).where(
            _TABLE.c.project == project, _TABLE.c.bad == bad, _TABLE.c.good == good, _TABLE.c.outcome == begun
        )
        async with self.writing(f"project {project}") as db:
            await check_fence(db, project, fence)
            if (found := (await db.execute(same)).first()) is not None:
                return _attempt(found)
            made = await db.execute(insert(_TABLE).values(**row, outcome=begun).returning(*_TABLE.c))
            return _attempt(made.one())

    async def end_rollback(self, position: int, outcome: RollbackOutcome) -> None:
        """Write what it came to; the first end stands."""
        this = update(_TABLE).where(_TABLE.c.position == position, _TABLE.c.outcome == RollbackOutcome.BEGUN.value)
        async with self.writing(f"rollback {position}") as db:
            await db.execute(this.values(outcome=outcome.value))

    async def rollbacks(self, project: str) -> Sequence[Attempt]:
        """Return the project's attempts, oldest first."""
        of_project = select(_TABLE).where(_TABLE.c.project == project).order_by(_TABLE.c.position)
        async with self.reading() as db:
            rows = await db.execute(of_project)
        return tuple(_attempt(row) for row in rows)


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt.model_validate(dict(row._mapping))
