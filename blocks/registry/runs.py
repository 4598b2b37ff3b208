"""Runs and what happened in them, as rows of the registry."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blocks.registry import tables
from blocks.registry.store import Store
from domain.errors import UnknownObject
from domain.runs import DeliveryRequest, Origin, Progress, ReleaseRequest, Run, RunState

ENDED = tuple(state.value for state in RunState if state.ended)
OPEN = tuple(state.value for state in RunState if not state.ended)


class Runs(Store):
    """The part of the registry that knows runs."""

    async def add_run(self, request: DeliveryRequest | ReleaseRequest, at: datetime) -> Run:
        """Store a queued run; the same id again returns the stored one."""
        table = tables.runs
        async with self.writing(f"run {request.run}") as db:
            if (row := await _row(db, request.run)) is not None:
                return run_of(row)
            new = Run(
                id=request.run,
                project=request.project,
                change=request.change,
                request=request.request,
                state=RunState.QUEUED,
                origin=request.origin,
                created=at,
            )
            added = await db.execute(insert(table).values(_values(new)).returning(table))
            return run_of(added.one())

    async def run(self, run: str) -> Run | None:
        """Return the run, or None."""
        async with self.reading() as db:
            row = await _row(db, run)
        return None if row is None else run_of(row)

    async def runs(
        self, project: str | None = None, limit: int = 50, *, person: str | None = None, ended: bool | None = None
    ) -> Sequence[Run]:
        """Return runs, newest first; those of one project, that one person asked for, or that have or have not ended."""
        table = tables.runs
        newest = select(table).order_by(table.c.created.desc(), table.c.id).limit(limit)
        if project is not None:
            newest = newest.where(table.c.project == project)
        if person is not None:
            newest = newest.where(asked_by(person))
        if ended is not None:
            newest = newest.where(table.c.state.in_(ENDED if ended else OPEN))
        async with self.reading() as db:
            rows = await db.execute(newest)
        return tuple(run_of(row) for row in rows)

    async def update_run(
        self,
        run: str,
        *,
        state: RunState | None = None,
        step: str | None = None,
        round: int | None = None,
        flow_run: str | None = None,
        address: str | None = None,
        message: str | None = None,
        waits_for: Sequence[str] | None = None,
        origin: Origin | None = None,
        ended: datetime | None = None,
    ) -> Run:
        """Change the given fields; raise UnknownObject when there is no such run.

        A run that ended keeps its end: a later other `state` is ignored together with the `message` and `waits_for`
        that explain it, and `ended` is set once.
        """
        given: dict[str, Any] = {
            "state": state,
            "step": step,
            "round": round,
            "flow_run": flow_run,
            "address": address,
            "message": message,
            "waits_for": None if waits_for is None else tuple(waits_for),
            "origin": origin,
            "ended": ended,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        async with self.writing(f"run {run}") as db:
            if (row := await _row(db, run)) is None:
                raise UnknownObject("run", run)
            before = run_of(row)
            after = before.model_copy(update=_allowed(before, changes))
            if after != before:
                await db.execute(update(tables.runs).where(tables.runs.c.id == run).values(_values(after)))
            return after

    async def add_progress(
        self,
        run: str,
        kind: str,
        text: str,
        at: datetime,
        step: str = "",
        data: dict[str, str | int | float | bool] | None = None,
    ) -> Progress:
        """Append with the next sequence number, counted from 1 without gaps; raise UnknownObject for an unknown run."""
        table = tables.progress
        async with self.writing(f"run {run}") as db:
            if await _row(db, run) is None:
                raise UnknownObject("run", run)
            last = (await db.execute(select(func.max(table.c.sequence)).where(table.c.run == run))).scalar()
            values = {"run": run, "sequence": (last or 0) + 1, "at": at, "kind": kind, "text": text, "step": step}
            new = Progress.model_validate({**values, "data": data or {}})
            added = await db.execute(insert(table).values(**values, data=new.model_dump(mode="json")["data"]).returning(table))
            return _progress(added.one())

    async def progress(self, run: str, after: int = 0) -> Sequence[Progress]:
        """Return what happened after sequence number `after`, in order."""
        table = tables.progress
        async with self.reading() as db:
            rows = await db.execute(
                select(table).where(table.c.run == run, table.c.sequence > after).order_by(table.c.sequence)
            )
        return tuple(_progress(row) for row in rows)


def _allowed(run: Run, changes: dict[str, Any]) -> dict[str, Any]:
    """Leave out what would change the end of a run that ended."""
    refused: set[str] = {"ended"} if run.ended is not None else set()
    if run.state.ended and changes.get("state", run.state) is not run.state:
        refused |= {"state", "message", "waits_for", "ended"}
    return {name: value for name, value in changes.items() if name not in refused}


async def _row(db: AsyncConnection, run: str) -> Row[Any] | None:
    return (await db.execute(select(tables.runs).where(tables.runs.c.id == run))).first()


def _values(run: Run) -> dict[str, Any]:
    """Return the row of a run: nested values as JSON, times as they are."""
    return {**run.model_dump(), **run.model_dump(mode="json", include={"waits_for", "origin"}), "state": run.state.value}


def asked_by(person: str) -> ColumnElement[bool]:
    """Return the condition on a run that this person asked for it."""
    theirs: ColumnElement[bool] = tables.runs.c.origin["person"].as_string() == person
    return theirs


def run_of(row: Row[Any]) -> Run:
    """Return the run that a whole row is."""
    return Run.model_validate(dict(row._mapping))


def _progress(row: Row[Any]) -> Progress:
    return Progress.model_validate(dict(row._mapping))
