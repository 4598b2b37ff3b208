"""Projects with their acceptance checks and environment versions, as rows of the registry."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blocks.registry import tables
from blocks.registry.store import Store, lock
from domain.briefs import Brief
from domain.checks import Check
from domain.environment import EnvironmentVersion
from domain.errors import BadInput, UnknownObject
from domain.host_claims import refuse_preview_host
from domain.previews import PreviewState
from domain.runs import Project

_CHECK: TypeAdapter[Check] = TypeAdapter(Check)


class Projects(Store):
    """The part of the registry that knows projects."""

    async def add_project(self, brief: Brief, owner: str, domain: str, at: datetime) -> Project:
        """Reserve the slug and store the Brief; raise BadInput with the cure when the slug is taken."""
        table = tables.projects
        row = {"slug": brief.slug, "title": brief.title, "kind": brief.kind, "owner": owner, "domain": domain, "created": at}
        row["fence"] = int(at.timestamp() * 1000)  # above all of a project that had the name before and was removed
        async with self.writing(f"project {brief.slug}") as db:
            if await project_row(db, brief.slug) is not None:
                raise BadInput(
                    f"a project named {brief.slug!r} exists already: choose another name with --name, "
                    f'or work on it with `slipway change {brief.slug} "..."`'
                )
            await lock(db, f"host {domain}")
            refuse_preview_host(domain, await preview_hosts(db))
            added = await db.execute(insert(table).values(**row, brief=brief.model_dump(mode="json")).returning(table))
            return _project(added.one())

    async def project(self, slug: str) -> Project | None:
        """Return the project, or None."""
        async with self.reading() as db:
            row = await project_row(db, slug)
        return None if row is None else _project(row)

    async def projects(self) -> Sequence[Project]:
        """Return all projects, oldest first."""
        table = tables.projects
        async with self.reading() as db:
            rows = await db.execute(select(table).order_by(table.c.created, table.c.slug))
        return tuple(_project(row) for row in rows)

    async def set_brief(self, slug: str, brief: Brief) -> None:
        """Replace the Brief and the title; the slug and kind of a project never change."""
        async with self.writing(f"project {slug}") as db:
            await _change(db, slug, {"brief": brief.model_dump(mode="json"), "title": brief.title})

    async def set_repository(self, slug: str, repository: str) -> None:
        """Name the project's repository at GitHub, OWNER/NAME; empty: it has none. Raise BadInput when it is another's."""
        table = tables.projects
        theirs = (func.lower(table.c.repository) == repository.lower()) & (table.c.slug != slug)
        async with self.writing("repositories of projects") as db:
            if repository and (other := (await db.execute(select(table.c.slug).where(theirs))).scalar()):
                raise BadInput(f"{repository} is the repository of {other}: `slipway repository {other} --none` lets it go")
            await _change(db, slug, {"repository": repository})

    async def remove_project(self, slug: str) -> None:
        """Forget the project with its checks, releases and environments; runs, audit and ledger lines stay."""
        async with self.writing(f"project {slug}") as db:
            await db.execute(delete(tables.projects).where(tables.projects.c.slug == slug))

    async def checks(self, project: str) -> Sequence[Check]:
        """Return the active executable checks, oldest first."""
        table = tables.checks
        active = select(table.c.body).where(table.c.project == project, ~table.c.retired).order_by(table.c.position)
        async with self.reading() as db:
            bodies = (await db.execute(active)).scalars().all()
        return tuple(_CHECK.validate_python(body) for body in bodies)

    async def set_checks(self, project: str, run: str, checks: Sequence[Check], retired: Sequence[str]) -> None:
        """Retire those that cover `retired` Brief checks, then add or replace the given ones by id."""
        table = tables.checks
        async with self.writing(f"project {project}") as db:
            if await project_row(db, project) is None:
                raise UnknownObject("project", project)
            covering = update(table).where(table.c.project == project, table.c.covers.in_(retired))
            await db.execute(covering.values(retired=True))
            for check in checks:
                row = {"covers": check.covers, "run": run, "retired": False, "body": check.model_dump(mode="json")}
                same = update(table).where(table.c.project == project, table.c.id == check.id)
                if not (await db.execute(same.values(row))).rowcount:
                    await db.execute(insert(table).values(project=project, id=check.id, **row))

    async def add_environment(self, project: str, secrets: dict[str, str], plain: dict[str, str]) -> EnvironmentVersion:
        """Store as the next version; equal content to the newest returns that one."""
        table = tables.environments
        async with self.writing(f"project {project}") as db:
            if await project_row(db, project) is None:
                raise UnknownObject("project", project)
            newest = select(func.max(table.c.number)).where(table.c.project == project).scalar_subquery()
            row = (await db.execute(select(table).where(table.c.project == project, table.c.number == newest))).first()
            if row is not None and (row.secrets, row.plain) == (secrets, plain):
                return _environment(row)
            values = {"project": project, "number": row.number + 1 if row else 1, "secrets": secrets, "plain": plain}
            return _environment((await db.execute(insert(table).values(values).returning(table))).one())

    async def environment(self, project: str, number: int) -> EnvironmentVersion | None:
        """Return that version, or None."""
        table = tables.environments
        async with self.reading() as db:
            row = (await db.execute(select(table).where(table.c.project == project, table.c.number == number))).first()
        return None if row is None else _environment(row)


async def project_row(db: AsyncConnection, slug: str) -> Row[Any] | None:
    """Return the raw row for a check within a transaction; None when there is no such project."""
    return (await db.execute(_ONE, {"of": slug})).first()


_ONE = select(tables.projects).where(tables.projects.c.slug == bindparam("of"))
"""Asked with most requests: made once."""


async def preview_hosts(db: AsyncConnection) -> dict[str, str]:
    """Return whose preview is found at each host that one has."""
    table = tables.previews
    open_ones = [state.value for state in PreviewState if state.open]
    rows = await db.execute(select(table.c.host, table.c.project).where(table.c.state.in_(open_ones)))
    return {row.host: row.project for row in rows}


async def _change(db: AsyncConnection, slug: str, changes: dict[str, Any]) -> None:
    changed = await db.execute(update(tables.projects).where(tables.projects.c.slug == slug).values(changes))
    if not changed.rowcount:
        raise UnknownObject("project", slug)


def _project(row: Row[Any]) -> Project:
    return Project.model_validate({name: row._mapping[name] for name in Project.model_fields})


def _environment(row: Row[Any]) -> EnvironmentVersion:
    return EnvironmentVersion.model_validate(dict(row._mapping))
