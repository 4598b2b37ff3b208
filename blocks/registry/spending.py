"""What one person has at work and has spent, summed by the database."""

from datetime import datetime

from sqlalchemy import func, select

from blocks.registry import tables
from blocks.registry.ledger import USED
from blocks.registry.present import LINE_IS_PRESENT
from blocks.registry.runs import OPEN, asked_by
from blocks.registry.store import Store
from domain.talks import account

_RUNS, _LEDGER, _PROJECTS = tables.runs, tables.ledger, tables.projects


class PersonalUse(Store):
    """The part of the registry that knows what people use."""

    async def open_runs(self, person: str) -> int:
        """Count the person's runs that have not ended."""
        mine = select(func.count()).select_from(_RUNS).where(asked_by(person), _RUNS.c.state.in_(OPEN))
        async with self.reading() as db:
            return int((await db.execute(mine)).scalar_one())

    async def spent_by(self, person: str, since: datetime) -> int:
        """Sum what was spent and is set aside since then for the person, in millionths of a USD."""
        owned = select(_PROJECTS.c.slug).where(_PROJECTS.c.owner == person)
        asked = select(_RUNS.c.id).where(asked_by(person))
        of_theirs = _LEDGER.c.project.in_(owned) & LINE_IS_PRESENT
        theirs = (_LEDGER.c.project == account(person)) | of_theirs | _LEDGER.c.run.in_(asked)
        async with self.reading() as db:
            return int((await db.execute(select(USED).where(_LEDGER.c.at >= since, theirs))).scalar_one())
