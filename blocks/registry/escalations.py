"""What runs asked their people, and the one answer that counts for each, as rows of the registry."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blocks.registry import tables
from blocks.registry.present import RUN_IS_PRESENT
from blocks.registry.store import Store
from domain.errors import UnknownObject
from domain.escalations import Answer, Diagnosis, Escalation, added_micro_usd

_TABLE = tables.escalations


class Escalations(Store):
    """The part of the registry that knows questions to people."""

    async def add_escalation(
        self, run: str, number: int, diagnosis: Diagnosis, asked: datetime, deadline: datetime
    ) -> Escalation:
        """Store the question; the same number again returns the stored one, whatever it says."""
        async with self.writing(f"escalation of {run}") as db:
            if (row := await _row(db, run, number)) is None:
                values = {"run": run, "number": number, "diagnosis": diagnosis.model_dump(mode="json")}
                added = insert(_TABLE).values(**values, asked=asked, deadline=deadline).returning(_TABLE)
                row = (await db.execute(added)).one()
        return _escalation(row)

    async def answer_escalation(self, run: str, number: int, answer: Answer, at: datetime) -> bool:
        """Store the answer if there is none; False when another one counts already. Raise UnknownObject without a question."""
        first = update(_TABLE).where(_TABLE.c.run == run, _TABLE.c.number == number, _TABLE.c.answered.is_(None))
        async with self.writing(f"escalation of {run}") as db:
            if await _row(db, run, number) is None:
                raise UnknownObject("question", f"{number} of {run}")
            written = await db.execute(first.values(answer=answer.model_dump(mode="json"), answered=at))
        return bool(written.rowcount)

    async def escalations(self, run: str) -> Sequence[Escalation]:
        """Return the run's questions, oldest first."""
        async with self.reading() as db:
            rows = await db.execute(select(_TABLE).where(_TABLE.c.run == run).order_by(_TABLE.c.number))
        return tuple(_escalation(row) for row in rows)


async def added_budget(db: AsyncConnection, project: str) -> int:
    """Return by how much people have raised the project's budget, in millionths of a USD."""
    runs = select(tables.runs.c.id).where(tables.runs.c.project == project, RUN_IS_PRESENT)
    given = select(_TABLE.c.answer).where(_TABLE.c.run.in_(runs), _TABLE.c.answered.is_not(None))
    answers = (await db.execute(given)).scalars().all()
    return sum(added_micro_usd(Answer.model_validate(answer)) for answer in answers)


async def _row(db: AsyncConnection, run: str, number: int) -> Row[Any] | None:
    return (await db.execute(select(_TABLE).where(_TABLE.c.run == run, _TABLE.c.number == number))).first()


def _escalation(row: Row[Any]) -> Escalation:
    return Escalation.model_validate(dict(row._mapping))
