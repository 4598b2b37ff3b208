"""Estimates and places in the queue, by the runs that there were."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.forecasts import Outlook, outlook
from domain.runs import Origin, Run, RunState

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
KINDS = {"notes": "web-service", "timer": "web-service", "parrot": "telegram-bot"}


def a_run(number: int, minutes: int = 0, *, project: str = "notes", change: bool = False, state: RunState) -> Run:
    return Run(
        id=f"r-{number:06}", project=project, change=change, request="x", state=state, origin=Origin(),
        created=NOON + timedelta(minutes=number),
        ended=NOON + timedelta(minutes=number + minutes) if state.ended else None,
    )  # fmt: skip


def delivered(number: int, minutes: int, project: str = "notes", *, change: bool = False) -> Run:
    return a_run(number, minutes, project=project, change=change, state=RunState.DELIVERED)


@pytest.mark.parametrize(
    ("earlier", "minutes"),
    [
        ([], None),
        ([delivered(1, 4)], 4),
        ([delivered(1, 4), delivered(2, 30, "timer"), delivered(3, 6)], 6),
        ([delivered(1, 4), delivered(2, 6)], 5),
        ([delivered(1, 4, change=True), delivered(2, 9, "parrot")], None),
        ([a_run(1, 4, state=RunState.FAILED), a_run(2, state=RunState.RUNNING)], None),
        ([*(delivered(100 - n, 5) for n in range(20)), *(delivered(n, 500) for n in range(60))], 5),
    ],
)
def test_estimate_is_the_median_of_the_newest_runs_of_the_same_sort(earlier: list[Run], minutes: int | None) -> None:
    found = outlook(a_run(200, state=RunState.RUNNING), earlier, KINDS)
    assert found == Outlook(usual=None if minutes is None else timedelta(minutes=minutes))


def test_place_is_by_who_asked_first_and_only_while_it_waits() -> None:
    runs = [a_run(n, state=RunState.QUEUED) for n in (5, 4, 3)] + [a_run(1, state=RunState.RUNNING)]
    assert [outlook(run, runs, KINDS).place for run in runs] == [3, 2, 1, 0]
