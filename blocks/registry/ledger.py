"""What model calls may cost and did cost, as rows of the registry.

A line is written before the call is sent (reserved) and completed after (settled). When a process dies in between, its
reservation stays and counts as spent: the same call is sent again after the restart under the same id, finds its own
reservation, and settles it. So a death can waste budget for a while, but never lets a project pass it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, case, delete, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blocks.registry import tables
from blocks.registry.escalations import added_budget
from blocks.registry.present import LINE_IS_PRESENT
from blocks.registry.store import Store
from domain.errors import BudgetSpent, UnknownObject
from domain.usage import Cost, Reservation, TokenUsage, UsageLine

_TABLE = tables.ledger
USED = func.coalesce(func.sum(case((_TABLE.c.settled, func.coalesce(_TABLE.c.spent, 0)), else_=_TABLE.c.reserved)), 0)
"""What lines come to: what was spent, and what is set aside."""


class LedgerLines(Store):
    """The part of the registry that knows money."""

    budget_micro_usd: int

    async def reserve(self, call: str, project: str, run: str, node: str, model: str, micro_usd: int) -> None:
        """Set the worst case aside, atomically among processes; raise BudgetSpent when it does not fit.

        Reserving a settled or reserved call again changes nothing.
        """
        async with self.writing(f"ledger of {project}") as db:
            if (await db.execute(select(_TABLE.c.call).where(_TABLE.c.call == call))).first() is not None:
                return
            used = int((await db.execute(select(USED).where(_of(project, None)))).scalar_one())
            if used + micro_usd > self.budget_micro_usd:
                limit = self.budget_micro_usd + await added_budget(db, project)
                if used + micro_usd > limit:
                    raise BudgetSpent(project, limit / 1_000_000, used / 1_000_000)
            who = {"call": call, "project": project, "run": run, "node": node, "model": model, "at": datetime.now(UTC)}
            row = {**who, "reserved": micro_usd, "settled": False, **TokenUsage().model_dump()}
            await db.execute(insert(_TABLE).values(row))

    async def budget(self, project: str) -> int:
        """Return what the project may spend in all, in millionths of a USD: the operator's limit and what people added."""
        async with self.reading() as db:
            return self.budget_micro_usd + await added_budget(db, project)

    async def settle(self, call: str, tokens: TokenUsage, micro_usd: int) -> None:
        """Replace the reservation by what was spent. The first settlement stands."""
        spent = {"settled": True, "spent": micro_usd, "at": datetime.now(UTC), **tokens.model_dump()}
        async with self.writing(f"call {call}") as db:
            if not (await db.execute(_open(update(_TABLE), call).values(spent))).rowcount:
                await _require(db, call)

    async def release(self, call: str) -> None:
        """Give back the reservation of a call that was never answered; a settled call keeps its line."""
        async with self.writing(f"call {call}") as db:
            await db.execute(_open(delete(_TABLE), call))

    async def rebook(self, run: str, project: str) -> None:
        """Book all lines of the run to the project: its Brief was paid for before the project had a name."""
        async with self.writing(f"ledger of {project}") as db:
            await db.execute(update(_TABLE).where(_TABLE.c.run == run).values(project=project))

    async def cost(self, project: str | None = None, run: str | None = None) -> Cost:
        """Sum the lines of a project, a run, both, or all; not those of an earlier project of the name."""
        settled = case((_TABLE.c.settled, 1), else_=0)
        sums = select(
            func.coalesce(func.sum(settled), 0).label("calls"),
            func.coalesce(func.sum(_TABLE.c.spent), 0).label("micro_usd"),
            func.coalesce(func.sum(case((_TABLE.c.settled, 0), else_=_TABLE.c.reserved)), 0).label("reserved_micro_usd"),
            *(func.coalesce(func.sum(_TABLE.c[name]), 0).label(name) for name in TokenUsage.model_fields),
        )
        async with self.reading() as db:
            row = (await db.execute(sums.where(_of(project, run)))).one()
        numbers = {name: int(value) for name, value in row._mapping.items()}
        tokens = TokenUsage(**{name: numbers.pop(name) for name in TokenUsage.model_fields})
        return Cost(**numbers, tokens=tokens)

    async def reservations(self, before: datetime) -> Sequence[Reservation]:
        """Return what was set aside before that time and neither settled nor given back, oldest first."""
        lines = select(_TABLE).where(~_TABLE.c.settled, _TABLE.c.at < before).order_by(_TABLE.c.at, _TABLE.c.call)
        async with self.reading() as db:
            rows = await db.execute(lines)
        return tuple(Reservation(call=row.call, run=row.run, micro_usd=row.reserved, at=row.at) for row in rows)

    async def usage(
        self, project: str | None = None, run: str | None = None, since: datetime | None = None
    ) -> Sequence[UsageLine]:
        """Return the settled lines, since then or all, oldest first."""
        lines = select(_TABLE).where(_TABLE.c.settled, _of(project, run)).order_by(_TABLE.c.at, _TABLE.c.call)
        lines = lines if since is None else lines.where(_TABLE.c.at >= since)
        async with self.reading() as db:
            rows = await db.execute(lines)
        return tuple(_line(row) for row in rows)


def _of(project: str | None, run: str | None) -> ColumnElement[bool]:
    wanted: ColumnElement[bool] = true()
    if project is not None:
        wanted &= (_TABLE.c.project == project) & LINE_IS_PRESENT
    return wanted if run is None else wanted & (_TABLE.c.run == run)


def _open(statement: Any, call: str) -> Any:
    return statement.where(_TABLE.c.call == call, ~_TABLE.c.settled)


async def _require(db: AsyncConnection, call: str) -> None:
    if (await db.execute(select(_TABLE.c.call).where(_TABLE.c.call == call))).first() is None:
        raise UnknownObject("reservation", call)


def _line(row: Row[Any]) -> UsageLine:
    tokens = TokenUsage(**{name: row._mapping[name] for name in TokenUsage.model_fields})
    who = {name: row._mapping[name] for name in ("call", "project", "run", "node", "model", "at")}
    return UsageLine(**who, tokens=tokens, micro_usd=row.spent or 0)
