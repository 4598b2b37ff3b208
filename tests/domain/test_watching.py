"""When an app that is unwell only needs its time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.watching import Look, is_beginning
from domain.workers import AppState, AppStatus

LIVE = datetime(2026, 11, 28, 12, tzinfo=UTC)


def look(started: float | None, restarts: int = 0, **changes: Any) -> Look:
    since = None if started is None else LIVE + timedelta(seconds=started)
    status = {"identity": "notes-v1", "state": AppState.RUNNING, "started": since, **changes}
    return Look(status=AppStatus.model_validate(status), restarts=restarts)


@pytest.mark.parametrize(
    ("seen", "seconds", "begins"),
    [
        (look(100), 101, True),
        (look(100), 159, True),
        (look(100), 160, False),
        (look(-5), 1, False),
        (look(0), 1, False),
        (look(None), 1, False),
        (look(100, restarts=1), 101, False),
        (look(100, state=AppState.RESTARTING), 101, False),
        (look(100, state=AppState.STOPPED), 101, False),
        (look(100, out_of_memory=True), 101, False),
    ],
)
def test_only_what_was_started_again_by_us_while_live_has_its_time(seen: Look, seconds: float, begins: bool) -> None:
    assert is_beginning(seen, LIVE, LIVE + timedelta(seconds=seconds), 60.0) is begins


def test_what_ended_by_itself_or_never_went_live_has_none() -> None:
    ended = Look(status=look(100).status.model_copy(update={"restarts": 2}))
    assert not is_beginning(ended, LIVE, LIVE + timedelta(seconds=101), 60.0)
    assert not is_beginning(look(100), None, LIVE + timedelta(seconds=101), 60.0)
