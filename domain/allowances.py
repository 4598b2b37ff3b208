"""How much one person may ask for: runs at once, messages a minute, money a day and a month; both begin by UTC."""

from datetime import datetime, timedelta
from typing import Protocol

from pydantic import Field

from domain.refusals import LimitReached
from domain.values import Value

MINUTE = 60.0


class Limits(Value):
    """What one person may use; 0 stands for no limit."""

    runs: int = Field(default=0, ge=0, description="Runs that have not ended, also those that wait for an answer")
    per_minute: int = Field(default=0, ge=0, description="Messages and pressed buttons within any sixty seconds")
    usd_day: float = Field(default=0.0, ge=0, description="Spent on models since midnight, UTC")
    usd_month: float = Field(default=0.0, ge=0, description="Spent on models since the first of the month, UTC")


class OwnLimits(Value):
    """What the operator set for one person; None is as for everybody."""

    runs: int | None = Field(default=None, ge=0)
    per_minute: int | None = Field(default=None, ge=0)
    usd_day: float | None = Field(default=None, ge=0)
    usd_month: float | None = Field(default=None, ge=0)


class Passage(Value):
    """Whether something may pass now."""

    passes: bool
    first: bool = False
    """It is the first that is refused since something passed: the one that is told."""
    seconds: float = 0.0
    """After so many something may pass again."""


class Rates(Protocol):
    """Counts what comes within a window of time, among all processes."""

    async def enter(self, name: str, key: str, most: int, seconds: float) -> Passage:
        """Count `key` once within the window of this name; one that has passed passes again."""
        ...


class Spending(Protocol):
    """The registry's part that knows what one person has at work and has spent."""

    async def open_runs(self, person: str) -> int:
        """Count the person's runs that have not ended."""
        ...

    async def spent_by(self, person: str, since: datetime) -> int:
        """Sum what was spent and is set aside since then for the person, in millionths of a USD.

        That is: their talks, the projects that they own, and the runs that they asked for, also of projects that are gone.
        """
        ...


def limits_of(usual: Limits, own: OwnLimits) -> Limits:
    """Return what counts for a person: their own limits, else those of everybody."""
    return usual.model_copy(update={name: value for name, value in own if value is not None})


def day_of(now: datetime) -> datetime:
    """Return when the day began."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def month_of(now: datetime) -> datetime:
    """Return when the month began."""
    return day_of(now).replace(day=1)


def next_month(now: datetime) -> datetime:
    """Return when the next month begins."""
    return month_of(month_of(now) + timedelta(days=31))


def check_money(person: str, limits: Limits, spent_day: int, spent_month: int, now: datetime) -> None:
    """Raise LimitReached when nothing new may be begun; spent are millionths of a USD. The later end of two counts."""
    if limits.usd_month and spent_month >= limits.usd_month * 1_000_000:
        raise LimitReached("usd_month", person, limits.usd_month, next_month(now))
    if limits.usd_day and spent_day >= limits.usd_day * 1_000_000:
        raise LimitReached("usd_day", person, limits.usd_day, day_of(now) + timedelta(days=1))


def check_runs(person: str, limits: Limits, open_runs: int) -> None:
    """Raise LimitReached when one more run would be too many."""
    if limits.runs and open_runs >= limits.runs:
        raise LimitReached("runs", person, limits.runs, None)
