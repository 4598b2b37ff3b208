"""The chart of costs: which day gets which bar."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from deployments.web.costs import DAYS, HEIGHT, SMALLEST, WIDTH, chart, since
from domain.usage import TokenUsage, UsageLine
from tests.deployments.api_bench import ANN, api_in
from tests.deployments.web_bench import signed_in
from tests.fakes.desk import a_brief

NOW = datetime(2026, 11, 28, 23, 59, tzinfo=UTC)


def paid(micro_usd: int, days: int, hour: int = 0) -> UsageLine:
    at = datetime(2026, 11, 28, hour, tzinfo=UTC) - timedelta(days=days)
    return UsageLine(call="c", project="notes", run="r", node="n", model="m", tokens=TokenUsage(), micro_usd=micro_usd, at=at)


def test_each_day_is_a_bar_of_its_share_of_the_dearest() -> None:
    made = chart([paid(500_000, 0), paid(500_000, 0, 23), paid(250_000, 2), paid(1, 29), paid(9_000_000, 30)], NOW)
    assert len(made.bars) == DAYS
    assert made.highest == 1.0
    assert [(bar.day, bar.usd, bar.height) for bar in made.paid] == [
        (date(2026, 11, 28), 1.0, HEIGHT),
        (date(2026, 11, 26), 0.25, HEIGHT / 4),
        (date(2026, 10, 30), 0.000001, SMALLEST),
    ]
    assert all(bar.y + bar.height == HEIGHT and bar.x + bar.width < WIDTH for bar in made.bars)
    assert since(NOW) == datetime(2026, 10, 30, tzinfo=UTC)


def test_nothing_paid_is_no_bar() -> None:
    made = chart([], NOW)
    assert (made.highest, made.paid, {bar.height for bar in made.bars}) == (0, (), {0})


async def test_brief_that_was_paid_before_its_project_had_a_name_is_a_bar_too(tmp_path: Path) -> None:
    async with api_in(tmp_path) as api:
        await api.registry.reserve("first", "brief", "r-teas000000", "product_owner", "m", 40_000)
        await api.registry.settle("first", TokenUsage(input=10, output=10), 40_000)
        api.now = datetime.now(UTC)
        await api.registry.add_project(a_brief("teas", "Teas"), ANN, "teas.localhost", api.now)
        await api.run("teas", at=api.now, id="r-teas000000")
        await api.registry.rebook("r-teas000000", "teas")
        shown = (await (await signed_in(api)).get("/projects/teas")).text
        assert "<td>0.0400</td>" in shown
