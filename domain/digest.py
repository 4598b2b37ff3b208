"""The digest: what the operator reads once a day."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.audit import AuditLine
from domain.releases import Release, ReleaseState, live
from domain.runs import Notification, Project, Run, RunState
from domain.usage import UsageLine
from domain.values import Value

KEY = "digest:"
"""Begins the keys of digests in the outbox; the day follows, so that a day has one."""
DAY = timedelta(days=1)
LOOK_BACK = timedelta(days=7)
"""How far a digest looks back at most, when those of the days before did not come."""
ROWS = 30
"""Lines of one part; the others are counted."""
LINE = 160
"""Characters of what somebody else wrote."""


class Day(Value):
    """Everything that a digest tells of, since `since`."""

    since: datetime
    until: datetime
    projects: tuple[Project, ...] = ()
    releases: tuple[Release, ...] = ()
    runs: tuple[Run, ...] = ()
    """Those that ended since, and those that wait."""
    lines: tuple[AuditLine, ...] = ()
    usage: tuple[UsageLine, ...] = ()
    told: tuple[Notification, ...] = ()
    """What the operator was told."""
    disk_free: int
    disk_total: int


def digest_key(now: datetime) -> str:
    return f"{KEY}{now:%Y-%m-%d}"


def since_when(told: Sequence[Notification], now: datetime) -> datetime:
    """Return from when on the next digest tells: the last one's time, a day ago at least, seven at most."""
    digests = [each.created for each in told if each.key.startswith(KEY)]
    return max(min(max(digests, default=now - DAY), now - DAY), now - LOOK_BACK)


def digest(day: Day) -> str:
    """Return the message: head, projects, what failed, what alarmed, what waits, money, disk."""
    parts = [
        f"Slipway, {day.until:%Y-%m-%d}, since {day.since:%Y-%m-%d %H:%M} UTC",
        *_part("Projects", [_project(project, day) for project in day.projects], "none yet"),
        *_part("Failed", [_said(run) for run in day.runs if run.state is RunState.FAILED]),
        *_part("Alarms", [_cut(each.text) for each in day.told if not each.key.startswith(KEY)]),
        *_part("Waits for a person", [_said(run) for run in day.runs if run.state is RunState.WAITING]),
        f"Spent on models: {sum(line.micro_usd for line in day.usage) / 1e6:.4f} USD in {len(day.usage)} calls",
        f"Disk: {_gb(day.disk_free)} of {_gb(day.disk_total)} GB free",
    ]
    return "\n".join(parts)


def _project(project: Project, day: Day) -> str:
    """Return one line: what serves, and what changed."""
    releases = [release for release in day.releases if release.project == project.slug]
    serving = live(releases)
    online = len([release for release in releases if release.went_live and release.went_live >= day.since])
    mine = [line for line in day.lines if line.project == project.slug]
    back = len([line for line in mine if line.what.startswith("rollback of release") and " to nothing" not in line.what])
    failed = len([r for r in releases if r.state is ReleaseState.FAILED and (r.ended or r.created) >= day.since])
    spent = sum(line.micro_usd for line in day.usage if line.project == project.slug)
    counts = ((online, "went online"), (failed, "failed"), (back, "rollback(s)"))
    facts = [f"{count} {what}" for count, what in counts if count] + ([f"{spent / 1e6:.4f} USD"] if spent else [])
    state = f"release {serving.number} serves" if serving else "not online"
    return f"{project.slug}: {'; '.join((state, *facts))}"


def _part(name: str, lines: Sequence[str], empty: str = "") -> list[str]:
    """Return a headed list; nothing, or what is said instead, when it is empty."""
    if not lines:
        return [f"{name}: {empty}"] if empty else []
    more = [f"  and {len(lines) - ROWS} more"] if len(lines) > ROWS else []
    return [f"{name}:", *(f"  {line}" for line in lines[:ROWS]), *more]


def _said(run: Run) -> str:
    return f"{run.project} ({run.id}): {_cut(run.message)}"


def _cut(text: str) -> str:
    first = next(iter(text.strip().splitlines()), "")
    return first if len(first) <= LINE else f"{first[: LINE - 1]}…"


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f}"
