"""Releases and their moves, as rows of the registry."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blocks.registry import tables
from blocks.registry.projects import project_row
from blocks.registry.store import Store
from domain.errors import Broken, LeaseLost, UnknownObject
from domain.releases import MOVES, Release, ReleaseState

_TABLE = tables.releases


class Releases(Store):
    """The part of the registry that knows releases. All writers of one project take turns; only the newest fence may write."""

    async def next_fence(self, project: str) -> int:
        """Count the project's fence on and return it: from now on no writer with an earlier one changes a release."""
        table = tables.projects
        mine = update(table).where(table.c.slug == project).values(fence=table.c.fence + 1).returning(table.c.fence)
        async with self.writing(f"project {project}") as db:
            row = (await db.execute(mine)).first()
        if row is None:
            raise UnknownObject("project", project)
        return int(row.fence)

    async def fence(self, project: str) -> int:
        """Return the newest fence of the project; raise UnknownObject when there is no such project."""
        async with self.reading() as db:
            return await _newest_fence(db, project)

    async def add_release(
        self,
        project: str,
        run: str,
        commit: str,
        candidate: str,
        environment_version: int,
        at: datetime,
        *,
        fence: int,
        actor: str = "",
    ) -> Release:
        """Store a starting release with the next number; the same run again returns its release, and never writes."""
        async with self.writing(f"project {project}") as db:
            same = (await db.execute(select(_TABLE).where(_TABLE.c.run == run))).first()
            if same is not None:
                return _release(same)
            await check_fence(db, project, fence)
            last = (await db.execute(select(func.max(_TABLE.c.number)).where(_TABLE.c.project == project))).scalar()
            new = Release(
                project=project,
                number=(last or 0) + 1,
                run=run,
                commit=commit,
                candidate=candidate,
                environment_version=environment_version,
                state=ReleaseState.STARTING,
                created=at,
                actor=actor,
            )
            await db.execute(insert(_TABLE).values(_values(new)))
            return new

    async def releases(
        self, project: str | None = None, *, states: Collection[ReleaseState] = tuple(ReleaseState)
    ) -> Sequence[Release]:
        """Return releases that are in one of these states, newest number first."""
        found = select(_TABLE).where(_TABLE.c.state.in_([state.value for state in states]))
        mine = found if project is None else found.where(_TABLE.c.project == project)
        async with self.reading() as db:
            rows = await db.execute(mine.order_by(_TABLE.c.number.desc(), _TABLE.c.project))
        return tuple(_release(row) for row in rows)

    async def move_release(
        self,
        project: str,
        number: int,
        state: ReleaseState,
        *,
        fence: int,
        address: str | None = None,
        reason: str | None = None,
        unfit: bool | None = None,
    ) -> Release:
        """Move along `domain.releases.MOVES`, else raise Broken; to the state it has already, only the given fields change."""
        given = {"address": address, "reason": reason, "unfit": unfit}
        async with self.writing(f"project {project}") as db:
            await check_fence(db, project, fence)
            release = await _load(db, project, number)
            changes = {name: value for name, value in given.items() if value is not None}
            return await _move(db, release, state, changes)

    async def promote(
        self, project: str, number: int, address: str, replaced: ReleaseState, reason: str, at: datetime, *, fence: int
    ) -> Release:
        """In one transaction: the live release, if another, becomes `replaced`, and this one becomes live.

        `reason` says why the other one was replaced and is stored with that one. Promoting what is live already
        only renews its address.
        """
        async with self.writing(f"project {project}") as db:
            await check_fence(db, project, fence)
            release = await _load(db, project, number)
            if release.state is ReleaseState.LIVE:
                return await _move(db, release, ReleaseState.LIVE, {"address": address})
            current = select(_TABLE).where(_TABLE.c.project == project, _TABLE.c.state == ReleaseState.LIVE.value)
            if (other := (await db.execute(current)).first()) is not None:
                await _move(db, _release(other), replaced, {"reason": reason})
            return await _move(db, release, ReleaseState.LIVE, {"address": address, "reason": "", "went_live": at})


async def _newest_fence(db: AsyncConnection, project: str) -> int:
    if (row := await project_row(db, project)) is None:
        raise UnknownObject("project", project)
    return int(row.fence)


async def check_fence(db: AsyncConnection, project: str, fence: int) -> None:
    """Let nobody write whom another has followed; raise LeaseLost."""
    newest = await _newest_fence(db, project)
    if fence != newest:
        raise LeaseLost(project, f"a process with fence {fence} of {newest}")


async def _load(db: AsyncConnection, project: str, number: int) -> Release:
    row = (await db.execute(select(_TABLE).where(_TABLE.c.project == project, _TABLE.c.number == number))).first()
    if row is None:
        raise UnknownObject("release", f"{project} v{number}")
    return _release(row)


async def _move(db: AsyncConnection, release: Release, state: ReleaseState, changes: dict[str, Any]) -> Release:
    if state is not release.state and state not in MOVES[release.state]:
        raise Broken(f"release {release.project} v{release.number} cannot go from {release.state.value!r} to {state.value!r}")
    moved = release.model_copy(update={**changes, "state": state})
    this = update(_TABLE).where(_TABLE.c.project == release.project, _TABLE.c.number == release.number)
    await db.execute(this.values(_values(moved)))
    return moved


def _values(release: Release) -> dict[str, Any]:
    return {**release.model_dump(), **release.model_dump(mode="json", include={"state", "health"})}


def _release(row: Row[Any]) -> Release:
    return Release.model_validate(dict(row._mapping))
