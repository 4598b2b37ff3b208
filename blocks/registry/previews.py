"""Previews and their moves, as rows of the registry."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blocks.registry import tables
from blocks.registry.projects import project_row
from blocks.registry.store import Store, lock
from domain.errors import UnknownObject
from domain.host_claims import free_preview_number
from domain.previews import MOVES, Preview, PreviewedChange, PreviewState, label_of

_TABLE = tables.previews


class ProjectPreviews(Store):
    """The part of the registry that knows previews."""

    async def add_preview(self, change: PreviewedChange, base_domain: str, at: datetime, expires: datetime) -> Preview:
        """Store a starting preview; the same run again returns its preview, renewed while it is starting."""
        async with self.writing(f"project {change.project}") as db:
            if (same := (await db.execute(select(_TABLE).where(_TABLE.c.run == change.run))).first()) is not None:
                return await _renewed(db, _preview(same), change)
            if await project_row(db, change.project) is None:
                raise UnknownObject("project", change.project)
            number = await _free_number(db, change.project, base_domain)
            new = Preview(
                **dict(change),
                number=number,
                host=f"{label_of(change.project, number)}.{base_domain}",
                created=at,
                expires=expires,
            )
            await db.execute(insert(_TABLE).values(_values(new)))
            return new

    async def previews(
        self, project: str | None = None, *, states: Collection[PreviewState] = tuple(PreviewState)
    ) -> Sequence[Preview]:
        """Return previews that are in one of these states, newest number first."""
        found = select(_TABLE).where(_TABLE.c.state.in_([state.value for state in states]))
        mine = found if project is None else found.where(_TABLE.c.project == project)
        async with self.reading() as db:
            rows = await db.execute(mine.order_by(_TABLE.c.number.desc(), _TABLE.c.project))
        return tuple(_preview(row) for row in rows)

    async def move_preview(
        self,
        project: str,
        number: int,
        state: PreviewState,
        *,
        environment_version: int | None = None,
        address: str | None = None,
        reason: str | None = None,
        expires: datetime | None = None,
    ) -> Preview:
        """Move along `domain.previews.MOVES`; what has ended otherwise is returned as it is."""
        given = {"environment_version": environment_version, "address": address, "reason": reason, "expires": expires}
        changes = {name: value for name, value in given.items() if value is not None}
        async with self.writing(f"project {project}") as db:
            found = await _load(db, project, number)
            if state is not found.state and state not in MOVES[found.state]:
                return found
            moved = found.model_copy(update={**changes, "state": state})
            await db.execute(_this(project, number).values(_values(moved)))
            return moved

    async def clear_preview(self, project: str, number: int, at: datetime) -> None:
        """Write down that nothing of an ended preview is left; the first time stands."""
        async with self.writing(f"project {project}") as db:
            await db.execute(_this(project, number).where(_TABLE.c.cleared.is_(None)).values(cleared=at))


async def _renewed(db: AsyncConnection, preview: Preview, change: PreviewedChange) -> Preview:
    """Let a run that went on with another commit show that one, as long as nothing of its preview was up."""
    if preview.state is not PreviewState.STARTING:
        return preview
    renewed = preview.model_copy(update=dict(change))
    await db.execute(_this(preview.project, preview.number).values(_values(renewed)))
    return renewed


async def _free_number(db: AsyncConnection, project: str, base_domain: str) -> int:
    """Look for a number until its host is held against who wants it for a project or as a domain."""
    last = (await db.execute(select(func.max(_TABLE.c.number)).where(_TABLE.c.project == project))).scalar() or 0
    while True:
        number = free_preview_number(project, base_domain, last, await _hosts(db))
        host = f"{label_of(project, number)}.{base_domain}"
        await lock(db, f"host {host}")
        if host not in await _hosts(db):
            return number


async def _hosts(db: AsyncConnection) -> set[str]:
    born, added = select(tables.projects.c.domain), select(tables.domains.c.host)
    return set((await db.execute(born.union(added))).scalars())


def _this(project: str, number: int) -> Any:
    return update(_TABLE).where(_TABLE.c.project == project, _TABLE.c.number == number)


async def _load(db: AsyncConnection, project: str, number: int) -> Preview:
    row = (await db.execute(select(_TABLE).where(_TABLE.c.project == project, _TABLE.c.number == number))).first()
    if row is None:
        raise UnknownObject("preview", f"{project} {number}")
    return _preview(row)


def _values(preview: Preview) -> dict[str, Any]:
    return {**preview.model_dump(), **preview.model_dump(mode="json", include={"state", "brief", "checks"})}


def _preview(row: Row[Any]) -> Preview:
    return Preview.model_validate(dict(row._mapping))
