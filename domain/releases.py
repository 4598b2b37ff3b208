"""Releases: their states, and the decisions on them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from domain.health import HealthCheck
from domain.values import Value


class ReleaseState(StrEnum):
    STARTING = "starting"
    LIVE = "live"
    DRAINING = "draining"
    KEPT = "kept"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"
    REMOVED = "removed"


MOVES: dict[ReleaseState, frozenset[ReleaseState]] = {
    ReleaseState.STARTING: frozenset({ReleaseState.LIVE, ReleaseState.FAILED}),
    ReleaseState.LIVE: frozenset({ReleaseState.DRAINING, ReleaseState.ROLLED_BACK, ReleaseState.KEPT}),
    ReleaseState.DRAINING: frozenset({ReleaseState.KEPT, ReleaseState.LIVE}),
    ReleaseState.KEPT: frozenset({ReleaseState.LIVE, ReleaseState.FAILED, ReleaseState.REMOVED}),
    ReleaseState.FAILED: frozenset({ReleaseState.REMOVED}),
    ReleaseState.ROLLED_BACK: frozenset({ReleaseState.REMOVED}),
    ReleaseState.REMOVED: frozenset(),
}
"""Which state may follow which. Two live releases of one project are impossible (a unique index guards it too)."""

KEEP = 3
"""How many earlier good releases stay startable."""


class Release(Value):
    """Commit + candidate + environment version."""

    project: str
    number: int
    run: str
    commit: str
    candidate: str
    environment_version: int
    state: ReleaseState
    address: str = ""
    reason: str = ""
    created: datetime
    went_live: datetime | None = None
    health: HealthCheck | None = None
    """How its health is seen; None for releases from before this was kept."""
    ended: datetime | None = None
    """When it stopped serving, or was given up."""
    actor: str = ""
    """Who asked for it, in words for the history."""

    @property
    def identity(self) -> str:
        """Name of its running copy in the engine."""
        return app_identity(self.project, self.number)


def app_identity(project: str, number: int) -> str:
    return f"{project}-v{number}"


def live(releases: Sequence[Release]) -> Release | None:
    return next((release for release in releases if release.state is ReleaseState.LIVE), None)


def previous_good(releases: Sequence[Release]) -> Release | None:
    """Return the newest release older than the live one that served well: kept, or still draining."""
    current = live(releases)
    usable = [
        release
        for release in releases
        if release.state in (ReleaseState.KEPT, ReleaseState.DRAINING) and (current is None or release.number != current.number)
    ]
    older = [release for release in usable if current is None or release.number < current.number]
    return max(older or usable, key=lambda release: release.went_live or release.created, default=None)


def startable(releases: Sequence[Release], number: int) -> Release | None:
    """Return the release of this number if it can be started again: one that served well and is kept."""
    good = (ReleaseState.KEPT, ReleaseState.DRAINING)
    return next((release for release in releases if release.number == number and release.state in good), None)


def retired(releases: Sequence[Release], keep: int = KEEP) -> tuple[Release, ...]:
    """Return those whose copies may be removed: beyond the newest `keep` kept ones, and all that failed."""
    kept = sorted((r for r in releases if r.state is ReleaseState.KEPT), key=lambda r: r.number, reverse=True)
    failed = [r for r in releases if r.state in (ReleaseState.FAILED, ReleaseState.ROLLED_BACK)]
    return (*kept[keep:], *failed)
