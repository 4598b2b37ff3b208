"""Resources of projects as rows of the registry: a project has one of each kind."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select

from blocks.registry import tables
from blocks.registry.projects import project_row
from blocks.registry.store import Store
from domain.errors import UnknownObject
from domain.resources import Resource, ResourceKind


class ProjectResources(Store):
    """The part of the registry that knows them."""

    async def add_resource(self, project: str, kind: ResourceKind, reference: str, at: datetime) -> Resource:
        """Store it; the stored one is returned when the project has one of this kind."""
        table = tables.resources
        row = {"project": project, "kind": kind.value, "reference": reference, "created": at}
        async with self.writing(f"project {project}") as db:
            if await project_row(db, project) is None:
                raise UnknownObject("project", project)
            mine = select(table).where(table.c.project == project, table.c.kind == kind.value)
            if (found := (await db.execute(mine)).first()) is None:
                found = (await db.execute(insert(table).values(row).returning(table))).one()
        return Resource.model_validate(dict(found._mapping))

    async def resources(self, project: str | None = None) -> Sequence[Resource]:
        """Return all, or those of one project, by project and kind."""
        table = tables.resources
        wanted = select(table).order_by(table.c.project, table.c.kind)
        async with self.reading() as db:
            rows = await db.execute(wanted if project is None else wanted.where(table.c.project == project))
        return tuple(Resource.model_validate(dict(row._mapping)) for row in rows)

    async def remove_resource(self, project: str, kind: ResourceKind) -> None:
        """Forget it; nothing happens when there is none."""
        table = tables.resources
        async with self.writing(f"project {project}") as db:
            await db.execute(delete(table).where(table.c.project == project, table.c.kind == kind.value))
