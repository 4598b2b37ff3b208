"""Domains of projects as rows of the registry: one host belongs to one project."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from blocks.registry import tables
from blocks.registry.projects import preview_hosts, project_row
from blocks.registry.store import Store, lock
from domain.errors import UnknownObject
from domain.host_claims import Domain, refuse_preview_host
from domain.refusals import HostRefused


class ProjectDomains(Store):
    """The part of the registry that knows them."""

    async def domains(self, project: str | None = None) -> Sequence[Domain]:
        """Return all, or those of one project, by name."""
        table = tables.domains
        wanted = select(table).order_by(table.c.host)
        async with self.reading() as db:
            rows = await db.execute(wanted if project is None else wanted.where(table.c.project == project))
        return tuple(Domain.model_validate(dict(row._mapping)) for row in rows)

    async def add_domain(self, domain: Domain) -> None:
        """Store it; the same again changes nothing. Raises HostRefused when the host is another project's."""
        table, projects = tables.domains, tables.projects
        async with self.writing(f"domain {domain.host}") as db:
            if await project_row(db, domain.project) is None:
                raise UnknownObject("project", domain.project)
            added = select(table.c.project).where(table.c.host == domain.host)
            born = select(projects.c.slug).where(projects.c.domain == domain.host)
            owner = (await db.execute(added.union(born))).scalars().first()
            if owner not in (None, domain.project):
                raise HostRefused("taken", domain.host, "")
            await lock(db, f"host {domain.host}")
            refuse_preview_host(domain.host, await preview_hosts(db))
            if owner is None:
                await db.execute(insert(table).values(domain.model_dump()))

    async def make_main(self, domain: Domain) -> None:
        """Make a project's address of this host; the one before leads there as an added domain. Repeating changes nothing."""
        table, projects = tables.domains, tables.projects
        async with self.writing(f"domain {domain.host}") as db:
            found = await project_row(db, domain.project)
            if found is None:
                raise UnknownObject("project", domain.project)
            if found.domain == domain.host:
                return
            mine = (table.c.project == domain.project) & (table.c.host == domain.host)
            if not (await db.execute(delete(table).where(mine))).rowcount:
                raise UnknownObject(f"domain of {domain.project}", domain.host)
            await db.execute(insert(table).values(domain.model_dump() | {"host": found.domain}))
            await db.execute(update(projects).where(projects.c.slug == domain.project).values(domain=domain.host))

    async def remove_domain(self, project: str, host: str) -> bool:
        """Forget it; False when the project has no such domain."""
        table = tables.domains
        async with self.writing(f"domain {host}") as db:
            gone = await db.execute(delete(table).where(table.c.project == project, table.c.host == host))
        return bool(gone.rowcount)
