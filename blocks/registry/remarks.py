"""What people say to a run at work, as rows of the registry."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select

from blocks.registry import tables
from blocks.registry.store import Store
from domain.errors import UnknownObject
from domain.remarks import Remark


class RunRemarks(Store):
    """The part of the registry that knows remarks; none is ever changed."""

    async def add_remark(self, run: str, person: str, text: str, at: datetime) -> Remark:
        """Append with the next sequence number; raise UnknownObject when there is no such run."""
        table = tables.remarks
        async with self.writing(f"remarks to {run}") as db:
            if (await db.execute(select(tables.runs.c.id).where(tables.runs.c.id == run))).first() is None:
                raise UnknownObject("run", run)
            last = (await db.execute(select(func.max(table.c.sequence)).where(table.c.run == run))).scalar() or 0
            remark = Remark(run=run, sequence=last + 1, at=at, person=person, text=text)
            await db.execute(insert(table).values(remark.model_dump(exclude={"files", "pictures"})))  # words alone come here
        return remark

    async def remarks(self, run: str, after: int = 0) -> Sequence[Remark]:
        """Return the run's remarks with a sequence above `after`, in order."""
        table = tables.remarks
        later = select(table).where(table.c.run == run, table.c.sequence > after).order_by(table.c.sequence)
        async with self.reading() as db:
            rows = await db.execute(later)
        return tuple(Remark.model_validate(dict(row._mapping)) for row in rows)
