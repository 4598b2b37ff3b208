"""What a project cost day by day, as bars of a chart and as a table of the same numbers."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from domain.usage import UsageLine
from domain.values import Value

DAYS = 30
WIDTH, HEIGHT, GAP = 600, 120, 4
"""Of the chart, in its own units."""
SMALLEST = 2
"""Height of a bar that is not nothing."""


class Bar(Value):
    """One day."""

    day: date
    usd: float
    x: float
    y: float
    width: float
    height: float


class Chart(Value):
    """The last days, today the last."""

    bars: tuple[Bar, ...]
    highest: float
    """US dollars of the dearest day."""

    @property
    def paid(self) -> tuple[Bar, ...]:
        """Return the days on which something was paid, newest first."""
        return tuple(bar for bar in reversed(self.bars) if bar.usd)


def since(now: datetime) -> datetime:
    """Return when the chart's first day begins, in UTC."""
    return datetime.combine(now.date() - timedelta(days=DAYS - 1), datetime.min.time(), now.tzinfo)


def chart(lines: Sequence[UsageLine], now: datetime) -> Chart:
    """Return the days as bars; all that is older is left out."""
    days = [since(now).date() + timedelta(days=number) for number in range(DAYS)]
    spent = dict.fromkeys(days, 0)
    for line in lines:
        if line.at.date() in spent:
            spent[line.at.date()] += line.micro_usd
    most, step = max(spent.values()), WIDTH / DAYS
    return Chart(bars=tuple(_bar(day, spent[day], most, place * step) for place, day in enumerate(days)), highest=most / 1e6)


def _bar(day: date, micro_usd: int, most: int, x: float) -> Bar:
    height = max(SMALLEST, round(HEIGHT * micro_usd / most)) if micro_usd else 0
    return Bar(day=day, usd=micro_usd / 1e6, x=x + GAP / 2, y=HEIGHT - height, width=WIDTH / DAYS - GAP, height=height)
