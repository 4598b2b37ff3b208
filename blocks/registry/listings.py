"""Lists of projects, and pages of runs that are read by the index of their time."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, bindparam, exists, func, or_, select

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
        """Return how each of these projects stands, in one question for all."""
        async with self.reading() as db:
            rows = await db.execute(_LINES, {"slugs": slugs})
        return dict.fromkeys(slugs, ProjectLine()) | {row.of_project: _line(row) for row in rows}

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


def _lines() -> Select[Any]:
    """Return the question, made once; with projects by another name, so that the conditions on them look at all."""
    releases, runs, ledger, one = tables.releases, tables.runs, tables.ledger, tables.projects.alias()
    serving = select(releases.c.number).where(releases.c.project == one.c.slug, releases.c.state == ReleaseState.LIVE.value)
    spent = select(func.coalesce(func.sum(ledger.c.spent), 0)).where(ledger.c.project == one.c.slug, LINE_IS_PRESENT)
    newest = select(runs.c.id).where(runs.c.project == one.c.slug, RUN_IS_PRESENT).order_by(runs.c.created.desc(), runs.c.id)
    facts = (serving.scalar_subquery().label("live"), spent.scalar_subquery().label("micro_usd"))
    last = newest.limit(1).correlate(one).scalar_subquery()
    asked = one.c.slug.in_(bindparam("slugs", expanding=True))
    return select(one.c.slug.label("of_project"), *facts, runs).outerjoin_from(one, runs, runs.c.id == last).where(asked)


_LINES = _lines()


def _line(row: Row[Any]) -> ProjectLine:
    last = Run.model_validate({name: row._mapping[name] for name in Run.model_fields}) if row.id else None
    return ProjectLine(live=row.live, last=last, micro_usd=int(row.micro_usd))
