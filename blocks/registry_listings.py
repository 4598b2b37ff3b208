"""Pages of runs, read from the registry by the index of their time."""

from collections.abc import Sequence

from sqlalchemy import exists, or_, select

from blocks import registry_tables as tables
from blocks.registry_runs import asked_by, run_of
from blocks.registry_store import Store
from domain.listings import RunMark
from domain.runs import Run


class Pages(Store):
    """The part of the registry that lists what grows without end."""

    async def run_page(self, person: str | None, project: str | None, after: RunMark | None, limit: int) -> Sequence[Run]:
        """Return runs, newest first, older than `after`: those that `domain.ownership.is_theirs` gives to the person."""
        runs, projects = tables.runs, tables.projects
        wanted = select(runs).order_by(runs.c.created.desc(), runs.c.id).limit(limit)
        if person is not None:
            of_theirs = exists().where(
                projects.c.slug == runs.c.project, projects.c.owner == person, projects.c.created <= runs.c.created
            )
            wanted = wanted.where(or_(asked_by(person), of_theirs))
        if project is not None:
            wanted = wanted.where(runs.c.project == project)
        if after is not None:
            same = (runs.c.created == after.created) & (runs.c.id > after.id)
            wanted = wanted.where((runs.c.created < after.created) | same)
        async with self.reading() as db:
            rows = await db.execute(wanted)
        return tuple(run_of(row) for row in rows)
