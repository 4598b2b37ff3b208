"""What the operator reads once a day."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.audit import AuditLine
from domain.digest import ROWS, Day, digest, digest_key, since_when
from domain.releases import Release, ReleaseState
from domain.runs import Notification, Origin, Project, Run, RunState
from domain.usage import TokenUsage, UsageLine
from tests.tasks.conftest import brief

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)
HOUR = timedelta(hours=1)


def told(key: str, at: datetime, text: str = "nobody watches the apps") -> Notification:
    return Notification(key=key, channel="operator", chat="", text=text, created=at)


def project(slug: str) -> Project:
    return Project(
        slug=slug, title="T", kind="web-service", owner="me", brief=brief(slug), created=YESTERDAY, domain=f"{slug}.x"
    )


def release(number: int, state: ReleaseState, went_live: datetime | None) -> Release:
    return Release(
        project="notes", number=number, run=f"r-{number}", commit="c", candidate="i", environment_version=1, state=state,
        created=YESTERDAY + HOUR, went_live=went_live,
    )  # fmt: skip


def run(name: str, state: RunState, message: str) -> Run:
    return Run(
        id=name, project="notes", change=True, request="x", state=state, message=message, origin=Origin(), created=YESTERDAY
    )


def spent(project: str, micro_usd: int) -> UsageLine:
    return UsageLine(
        call=f"{project}/1", project=project, run="r-1", node="developer", model="m", tokens=TokenUsage(), micro_usd=micro_usd,
        at=NOW,
    )  # fmt: skip


def test_a_day_is_told_whole() -> None:
    day = Day(
        since=YESTERDAY,
        until=NOW,
        projects=(project("notes"), project("door")),
        releases=(
            release(3, ReleaseState.ROLLED_BACK, NOW - 3 * HOUR),
            release(2, ReleaseState.FAILED, None),
            release(1, ReleaseState.LIVE, YESTERDAY - HOUR),
        ),
        runs=(run("r-2", RunState.FAILED, "not delivered\nevidence"), run("r-9", RunState.WAITING, "it asks")),
        lines=(
            AuditLine(project="notes", at=NOW, actor="slipway", what="rollback of release 3 to 1", version=1),
            AuditLine(project="notes", at=NOW, actor="slipway", what="rollback of release 3 to nothing (asks-1)", version=3),
        ),
        usage=(spent("notes", 155_100), spent("other", 1_000)),
        told=(told("digest:2026-11-27", YESTERDAY, "the day before"), told("alarm:1", NOW)),
        disk_free=12_300_000_000,
        disk_total=40_000_000_000,
    )

    assert digest(day).splitlines() == [
        "Slipway, 2026-11-28, since 2026-11-27 08:00 UTC",
        "Projects:",
        "  notes: release 1 serves; 1 went online; 1 failed; 1 rollback(s); 0.1551 USD",
        "  door: not online",
        "Failed:",
        "  notes (r-2): not delivered",
        "Alarms:",
        "  nobody watches the apps",
        "Waits for a person:",
        "  notes (r-9): it asks",
        "Spent on models: 0.1561 USD in 2 calls",
        "Disk: 12.3 of 40.0 GB free",
    ]


def test_a_day_on_which_nothing_happened_is_short() -> None:
    assert digest(Day(since=YESTERDAY, until=NOW, disk_free=0, disk_total=0)).splitlines()[1:] == [
        "Projects: none yet", "Spent on models: 0.0000 USD in 0 calls", "Disk: 0.0 of 0.0 GB free",
    ]  # fmt: skip


def test_what_is_too_much_is_counted() -> None:
    alarms = tuple(told(f"alarm:{number}", NOW, f"{number} " + "x" * 300) for number in range(ROWS + 2))
    lines = digest(Day(since=YESTERDAY, until=NOW, told=alarms, disk_free=0, disk_total=0)).splitlines()
    assert lines[-3] == "  and 2 more"
    assert max(map(len, lines)) < 200


@pytest.mark.parametrize(
    ("last", "since"),
    [
        (None, YESTERDAY),
        (NOW - HOUR, YESTERDAY),
        (NOW - timedelta(days=3), NOW - timedelta(days=3)),
        (NOW - timedelta(days=30), NOW - timedelta(days=7)),
    ],
)
def test_a_digest_tells_what_happened_since_the_one_before(last: datetime | None, since: datetime) -> None:
    past = [told("alarm:1", NOW), *([told("digest:x", last)] if last else [])]
    assert since_when(past, NOW) == since


def test_a_day_has_one_key() -> None:
    assert digest_key(NOW) == digest_key(NOW + HOUR) == "digest:2026-11-28"
