"""Releases: their states, and the decisions on them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

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
    ReleaseState.DRAINING: frozenset({ReleaseState.KEPT, ReleaseState.LIVE, ReleaseState.FAILED}),
    ReleaseState.KEPT: frozenset({ReleaseState.LIVE, ReleaseState.FAILED, ReleaseState.REMOVED}),
    ReleaseState.FAILED: frozenset({ReleaseState.REMOVED}),
    ReleaseState.ROLLED_BACK: frozenset({ReleaseState.REMOVED}),
    ReleaseState.REMOVED: frozenset(),
}
"""Which state may follow which. Two live releases of one project are impossible (a unique index guards it too)."""

KEEP = 3
"""How many earlier good releases stay startable."""


RESTS = "rests"
"""Address of a live release whose copy was stopped for another one, until one of the two serves."""


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
    """Who asked for it; empty for releases from before this was kept."""
    unfit: bool = False
    """Its copy was started and did not become healthy, or ended before it served."""

    @property
    def identity(self) -> str:
        """Name of its running copy in the engine."""
        return app_identity(self.project, self.number)

    @property
    def rests(self) -> bool:
        """Tell whether its copy was stopped so that another can be tried, and is to come back if that one fails."""
        return self.state is ReleaseState.LIVE and self.address == RESTS


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


def overtaken(release: Release, releases: Sequence[Release]) -> str | None:
    """Return in one sentence why a run has nothing left to do for its release; None when it has."""
    match release.state:
        case ReleaseState.STARTING | ReleaseState.LIVE | ReleaseState.FAILED:
            return None
        case ReleaseState.ROLLED_BACK:
            return f"release {release.number} went online and was taken back because {release.reason}"
        case _:
            current = live(releases)
            since = f"release {current.number} has replaced it since" if current else "it was replaced since"
            return f"release {release.number} went online, and {since}"


def failed_before(run: str, candidate: str, environment_version: int, releases: Sequence[Release]) -> Release | None:
    """Return the newest release of other runs that was this candidate with this environment, and was found unfit.

    Another environment makes another attempt of the same candidate; what serves as it is has shown that it can; and a run
    that has its release goes on with that one.
    """
    same = [r for r in releases if (r.candidate, r.environment_version) == (candidate, environment_version)]
    if live(same) is not None or any(r.run == run for r in releases):
        return None
    return max((r for r in same if r.unfit), key=lambda r: r.number, default=None)


def serves_instead(run: str, candidate: str, releases: Sequence[Release]) -> Release | None:
    """Return what serves, where a run is to put this candidate online again and another has taken its place.

    A run that has its release goes on with that one.
    """
    serving = live(releases)
    if serving is None or serving.candidate == candidate or any(r.run == run for r in releases):
        return None
    return serving


def is_meant(serving: Release | None, named: int | None, asked: datetime) -> bool:
    """Tell whether a rollback is about the release that serves: it names that one, or was asked for since that went live.

    So the same wish twice, or a wish that comes late, goes back one release and not two.
    """
    if serving is None:
        return False
    return serving.number == named if named is not None else (serving.went_live or serving.created) <= asked


def startable(releases: Sequence[Release], number: int) -> Release | None:
    """Return the release of this number if it can be started again: one that served well and is kept."""
    good = (ReleaseState.KEPT, ReleaseState.DRAINING)
    return next((release for release in releases if release.number == number and release.state in good), None)


def retired(releases: Sequence[Release], keep: int = KEEP) -> tuple[Release, ...]:
    """Return those whose copies may be removed: beyond the newest `keep` kept ones, and all that failed."""
    kept = sorted((r for r in releases if r.state is ReleaseState.KEPT), key=lambda r: r.number, reverse=True)
    failed = [r for r in releases if r.state in (ReleaseState.FAILED, ReleaseState.ROLLED_BACK)]
    return (*kept[keep:], *failed)


class Releases(Protocol):
    """What the registry knows of releases. Writers carry the fence of their lease; LeaseLost when there is a newer one."""

    async def next_fence(self, project: str) -> int:
        """Count the project's fence on and return it: from now on no writer with an earlier one changes a release."""
        ...

    async def fence(self, project: str) -> int:
        """Return the newest fence of the project; raise UnknownObject when there is no such project."""
        ...

    async def add_release(
        self,
        project: str,
        run: str,
        commit: str,
        candidate: str,
        environment_version: int,
        at: datetime,
        *,
        fence: int,
        actor: str = "",
    ) -> Release:
        """Store a starting release with the next number; the same run again returns its release."""
        ...

    async def releases(
        self, project: str | None = None, *, states: Collection[ReleaseState] = tuple(ReleaseState)
    ) -> Sequence[Release]:
        """Return releases that are in one of these states, newest number first."""
        ...

    async def move_release(
        self,
        project: str,
        number: int,
        state: ReleaseState,
        *,
        fence: int,
        address: str | None = None,
        reason: str | None = None,
        unfit: bool | None = None,
    ) -> Release:
        """Move along `domain.releases.MOVES`; to the state it has already, only the given fields change."""
        ...

    async def promote(
        self, project: str, number: int, address: str, replaced: ReleaseState, reason: str, at: datetime, *, fence: int
    ) -> Release:
        """In one transaction: the live release, if another, becomes `replaced`, and this one becomes live."""
        ...
