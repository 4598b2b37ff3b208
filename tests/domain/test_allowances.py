"""What one person may use, and when they may again."""

import pickle
from datetime import UTC, datetime

import pytest

from domain.allowances import Limits, OwnLimits, check_money, check_runs, limits_of
from domain.refusals import LimitReached

NOON = datetime(2026, 12, 31, 12, tzinfo=UTC)
USUAL = Limits(runs=2, per_minute=20, usd_day=1.0, usd_month=3.0)
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "month", "which"),
    [
        (0, 0, None),
        (999_999, 2_999_999, None),
        (1_000_000, 1_000_000, "usd_day"),
        (0, 3_000_000, "usd_month"),
        (5_000_000, 5_000_000, "usd_month"),
    ],
)
def test_money_ends_at_its_limit_and_the_longer_wait_is_told(day: int, month: int, which: str | None) -> None:
    if which is None:
        check_money("p", USUAL, day, month, NOON)
        return
    with pytest.raises(LimitReached) as reached:
        check_money("p", USUAL, day, month, NOON)
    assert reached.value.args[0] == which


@pytest.mark.parametrize(
    ("limits", "now", "ends"),
    [
        (Limits(usd_day=1.0), NOON, NEW_YEAR),
        (Limits(usd_month=1.0), NOON, NEW_YEAR),
        (Limits(usd_month=1.0), datetime(2027, 1, 31, 23, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)),
        (Limits(usd_day=1.0), datetime(2026, 11, 28, 0, tzinfo=UTC), datetime(2026, 11, 29, tzinfo=UTC)),
    ],
)
def test_money_comes_back_with_the_next_day_or_month(limits: Limits, now: datetime, ends: datetime) -> None:
    with pytest.raises(LimitReached) as reached:
        check_money("p", limits, 1_000_000, 1_000_000, now)
    assert reached.value.args == ("usd_day" if limits.usd_day else "usd_month", "p", 1.0, ends)
    assert f"{ends:%Y-%m-%d %H:%M} UTC" in str(pickle.loads(pickle.dumps(reached.value)))  # noqa: S301  (our own bytes)


@pytest.mark.parametrize(("limit", "open_runs", "passes"), [(2, 1, True), (2, 2, False), (2, 3, False), (0, 99, True)])
def test_runs_that_have_not_ended_are_counted(limit: int, open_runs: int, *, passes: bool) -> None:
    if passes:
        check_runs("p", Limits(runs=limit), open_runs)
    else:
        with pytest.raises(LimitReached, match="wait for one, or stop one"):
            check_runs("p", Limits(runs=limit), open_runs)


def test_no_limit_lets_everything_pass() -> None:
    check_money("p", Limits(), 10**12, 10**12, NOON)


def test_own_limits_count_more_than_those_of_everybody_also_when_they_are_none() -> None:
    own = OwnLimits(runs=0, usd_day=9.0)
    assert limits_of(USUAL, own) == Limits(runs=0, per_minute=20, usd_day=9.0, usd_month=3.0)
    assert limits_of(USUAL, OwnLimits()) == USUAL
