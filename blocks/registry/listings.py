"""Lists of projects, and pages of runs that are read by the index of their time."""

from collections.abc import Mapping, Sequence

from sqlalchemy import exists, func, or_, select

from blocks.registry import tables
from blocks.registry.present import LINE_IS_PRESENT, RUN_IS_PRESENT
from blocks.registry.runs import asked_by, run_of
from blocks.registry.store import Store
from domain.listings import ProjectLine, RunMark
from domain.releases import ReleaseState
from domain.runs import Run


class Pages(Store):
    """The part of the registry that lists what grows without end."""

    async def project_lines(self, slugs: Sequence[str]) -> Mapping[str, ProjectLine]:
        """Return how each of these projects stands, in as many questions for a hundred as for one."""
        releases, runs, ledger = tables.releases, tables.runs, tables.ledger
        serving = releases.c.project.in_(slugs) & (releases.c.state == ReleaseState.LIVE.value)
        newest_first = (runs.c.created.desc(), runs.c.id)
        place = func.row_number().over(partition_by=runs.c.project, order_by=newest_first).label("place")
        placed = select(runs.c.id, place).where(runs.c.project.in_(slugs), RUN_IS_PRESENT).subquery()
        newest = select(runs).join(placed, runs.c.id == placed.c.id).where(placed.c.place == 1)
        theirs = ledger.c.project.in_(slugs) & LINE_IS_PRESENT
        sums = select(ledger.c.project, func.coalesce(func.sum(ledger.c.spent), 0)).where(theirs)
        async with self.reading() as db:
            live = {row.project: row.number for row in await db.execute(select(releases).where(serving))}
            last = {row.project: run_of(row) for row in await db.execute(newest)}
            spent = {project: int(total) for project, total in await db.execute(sums.group_by(ledger.c.project))}
        return {slug: ProjectLine(live=live.get(slug), last=last.get(slug), micro_usd=spent.get(slug, 0)) for slug in slugs}

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
