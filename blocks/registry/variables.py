"""Who provides variables that an app's own files leave open, as rows of the registry."""

from collections.abc import Mapping

from sqlalchemy import insert, select

from blocks.registry import tables
from blocks.registry.projects import project_row
from blocks.registry.store import Store
from domain.environment import Source
from domain.errors import UnknownObject

_TABLE = tables.variables


class Variables(Store):
    """The part of the registry that knows what was decided about variables. A decision is made once."""

    async def variables(self, project: str) -> Mapping[str, Source]:
        """Return who provides each variable that was decided about."""
        query = select(_TABLE.c.name, _TABLE.c.source).where(_TABLE.c.project == project)
        async with self.reading() as db:
            return {row.name: Source(row.source) for row in await db.execute(query)}

    async def decide_variables(self, project: str, sources: Mapping[str, Source], by: str) -> None:
        """Store what is decided; what was decided before stays."""
        async with self.writing(f"project {project}") as db:
            if await project_row(db, project) is None:
                raise UnknownObject("project", project)
            known = select(_TABLE.c.name).where(_TABLE.c.project == project)
            present = set((await db.execute(known)).scalars())
            for name, source in sources.items():
                if name not in present:
                    await db.execute(insert(_TABLE).values(project=project, name=name, source=source.value, by=by))
