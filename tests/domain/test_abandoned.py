"""Which runs are left, taken up again, or ended when their flow run is over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.abandoned import PATIENCE, STARTS, Fate, FlowRunSeen, epitaph, fate_of

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
LONG = NOW - PATIENCE


@pytest.mark.parametrize(
    ("state", "starts", "since", "fate"),
    [
        ("open", 99, NOW - timedelta(days=6), Fate.LEAVE),
        ("failed", 1, NOW - timedelta(seconds=10), Fate.LEAVE),
        ("failed", 1, LONG, Fate.END),
        ("completed", 1, LONG, Fate.END),
        ("cancelled", 1, LONG, Fate.END),
        ("unknown", 0, LONG, Fate.END),
        ("crashed", STARTS - 1, NOW, Fate.LEAVE),
        ("crashed", STARTS - 1, LONG, Fate.AGAIN),
        ("crashed", STARTS, LONG, Fate.END),
    ],
)
def test_fate(state: Any, starts: int, since: datetime, fate: Fate) -> None:
    assert fate_of(FlowRunSeen(state=state, starts=starts, since=since), NOW) is fate


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled", "crashed", "unknown"])
def test_each_end_says_what_to_do_next(state: Any) -> None:
    assert "send the request again" in epitaph(FlowRunSeen(state=state, starts=STARTS, since=NOW))
