"""Rollbacks: what was tried of them, and which step a wish for one comes to. Nothing here touches the world."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from domain.audit import SLIPWAY
from domain.errors import NothingToRollBackTo
from domain.releases import Release, ReleaseState, is_meant, live, previous_good, startable
from domain.snapshots import command
from domain.values import Value

TRIES = 5
"""Releases that one wish tries at most; no more than three are kept and one may be draining."""


class RollbackOutcome(StrEnum):
    """What an attempt came to; one that is still `begun` is at work, or its process died."""

    BEGUN = "begun"
    ROLLED_BACK = "rolled back"
    NOT_HEALTHY = "not healthy"
    """The release to go back to did not start, and is marked as failed."""
    NOTHING = "nothing to go back to"
    ASKED = "a person is asked"
    REFUSED = "refused"
    """Going back could have cost data."""
    BROKEN_OFF = "broken off"


class Attempt(Value):
    """One row: a release was to give way to another (or to none, where there was none)."""

    position: int
    project: str
    bad: int
    good: int | None
    automatic: bool
    at: datetime
    outcome: RollbackOutcome


class RollbackRequest(Value):
    """What is asked for, and by which run."""

    project: str
    release: int | None = Field(default=None, description="The broken one; None for the one that served when it was asked for")
    to: int | None = Field(default=None, description="Release to go back to; None for the previous good one")
    reason: str
    automatic: bool = Field(default=False, description="Asked for by the watch and by no person")
    who: str = Field(default=SLIPWAY, description="Who asked for it, for the history")
    data: str = Field(
        default="",
        pattern=r"^(|keep|restore|v[0-9]+(-undo|-redo)?)$",
        description="What becomes of the data: empty is whatever is safe, `keep` leaves it, `restore` brings back the snapshot "
        "that belongs to the way back. The name of a snapshot: only the data goes back to it, the release stays",
    )
    owner: str = Field(description="Prefect's id of the flow run: two rollbacks are never taken for one")
    asked: datetime
    resumed: bool = Field(default=False, description="An earlier process of the same flow run died")


class GoBack(Value):
    """Start the good one and switch to it."""

    bad: Release
    good: Release


class Stay(Value):
    """Leave everything as it is, and tell the person; `end` tells the cases apart in the notification's key."""

    bad: Release
    end: str
    outcome: RollbackOutcome
    message: str
    is_for_operator: bool = Field(default=False, description="Only whoever runs this machine can mend it, whoever asked")


class Leave(Value):
    """The release that was meant does not serve (any more): `serving` does, if any."""

    serving: Release | None


def next_step(
    wish: RollbackRequest, releases: Sequence[Release], attempts: Sequence[Attempt], flap: timedelta, now: datetime
) -> GoBack | Stay | Leave:
    """Decide what a wish comes to, by what the registry says now.

    A target that did not start is marked as failed there, so the next look names the one before it, until none is left.
    """
    serving = live(releases)
    if serving is None or not is_meant(serving, wish.release, wish.asked):
        return Leave(serving=serving)
    good = previous_good(releases) if wish.to is None else startable(releases, wish.to)
    if good is None:
        return _nothing(wish, serving, releases, attempts)
    if wish.automatic and (before := taken_back_lately(attempts, flap, now)) is not None:
        return _ask(serving, good, before, now)
    if wish.automatic and refused_before(attempts, serving, good):
        return _refused(serving, good)
    return GoBack(bad=serving, good=good)


def taken_back_lately(attempts: Sequence[Attempt], flap: timedelta, now: datetime) -> Attempt | None:
    """Return the newest rollback of the project that nobody asked for and that is younger than the window."""
    done = [attempt for attempt in attempts if attempt.automatic and attempt.outcome is RollbackOutcome.ROLLED_BACK]
    newest = max(done, key=lambda attempt: attempt.at, default=None)
    return newest if newest is not None and now - newest.at < flap else None


def _ask(serving: Release, good: Release, before: Attempt, now: datetime) -> Stay:
    """Two failures so close together are seldom the releases' own: going back once more by itself may be the next one."""
    name, minutes = serving.project, max(1, round((now - before.at).total_seconds() / 60))
    message = (
        f"{name}: release {serving.number} is unwell {minutes} min after release {before.bad} was taken back by itself; it "
        f"stays as it is until a person decides: `slipway rollback {name}` goes back to release {good.number}, "
        f'`slipway change {name} "..."` mends it'
    )
    return Stay(bad=serving, end=f"asks-{before.position}", outcome=RollbackOutcome.ASKED, message=message)


def refused_before(attempts: Sequence[Attempt], serving: Release, good: Release) -> bool:
    """Tell whether going back by itself was refused since the release serves: looking again each minute finds the same."""
    since = serving.went_live or serving.created
    tried = [a for a in attempts if a.automatic and a.outcome is RollbackOutcome.REFUSED and a.at >= since]
    return any((attempt.bad, attempt.good) == (serving.number, good.number) for attempt in tried)


def _refused(serving: Release, good: Release) -> Stay:
    message = (
        f"{serving.project}: release {serving.number} is unwell and stays, since going back to release {good.number} could "
        f"cost data: `{command(good, 'keep')}` goes back and leaves the data as it is; `{command(good, 'restore')}` also "
        "brings back the data from before, and what was written since then is lost to the app"
    )
    return Stay(bad=serving, end=str(good.number), outcome=RollbackOutcome.REFUSED, message=message)


def _nothing(wish: RollbackRequest, serving: Release, releases: Sequence[Release], attempts: Sequence[Attempt]) -> Stay:
    """Say why there is nothing (more) to go back to."""
    failed = [a.good for a in attempts if a.bad == serving.number and a.outcome is RollbackOutcome.NOT_HEALTHY]
    reasons = [f"release {r.number} does not start either: {r.reason}" for r in releases if r.number in failed]
    if reasons:
        message = f"{wish.project}: release {serving.number} is broken and {' and '.join(reasons)}"
        end = "unfit" if wish.to is None else str(wish.to)
        return Stay(bad=serving, end=end, outcome=RollbackOutcome.NOT_HEALTHY, message=message)
    message = refusal(wish.project, releases, wish.to) or str(NothingToRollBackTo(wish.project))
    return Stay(bad=serving, end="none", outcome=RollbackOutcome.NOTHING, message=message)


def refusal(project: str, releases: Sequence[Release], to: int | None) -> str | None:
    """Return in one sentence, with the cure, why the project cannot go back (to release `to`); None when it can."""
    serving = live(releases)
    if serving is None:
        return f"{project} serves no release that could be taken back: see `slipway status {project}`"
    if to is None:
        return None if previous_good(releases) is not None else str(NothingToRollBackTo(project))
    if to == serving.number:
        return f"{project} serves release {to} already"
    if startable(releases, to) is not None:
        return None
    kept = ", ".join(str(r.number) for r in sorted(_kept(releases), key=lambda r: r.number))
    cure = f"`slipway rollback {project} VERSION` can go to {kept}" if kept else f'`slipway change {project} "..."` goes on'
    return f"{project} has {_state_of(to, releases)}: {cure}"


def _kept(releases: Sequence[Release]) -> Sequence[Release]:
    return [release for release in releases if startable(releases, release.number) is not None]


def _state_of(number: int, releases: Sequence[Release]) -> str:
    found = next((release for release in releases if release.number == number), None)
    if found is None:
        return f"no release {number}"
    match found.state:
        case ReleaseState.FAILED:
            return f"release {number} marked as failed, and what failed is not tried again"
        case ReleaseState.ROLLED_BACK:
            return f"release {number} taken back, and what was taken back is not tried again"
        case ReleaseState.REMOVED:
            return f"release {number} no longer, only the newest ones are kept"
        case _:
            return f"release {number} still starting"


def came_of(wish: RollbackRequest, serving: Release, attempts: Sequence[Attempt]) -> Attempt | None:
    """Return the attempt that fulfilled the wish, by this process or another: what was meant gave way to what serves."""
    done = [
        attempt
        for attempt in attempts
        if attempt.outcome is RollbackOutcome.ROLLED_BACK
        and attempt.good == serving.number
        and wish.release in (None, attempt.bad)
    ]
    return done[-1] if done else None


def unfinished(attempts: Sequence[Attempt], releases: Sequence[Release]) -> Attempt | None:
    """Return the open attempt whose release did not start, and whose process died before the bad one had its data back."""
    serving = live(releases)
    for attempt in attempts:
        is_open = attempt.outcome is RollbackOutcome.BEGUN and serving is not None and attempt.bad == serving.number
        if is_open and became_of(attempt, releases) is RollbackOutcome.NOT_HEALTHY:
            return attempt
    return None


def became_of(attempt: Attempt, releases: Sequence[Release]) -> RollbackOutcome:
    """Return what an attempt whose process died came to; BROKEN_OFF when it had changed nothing yet."""
    state = {release.number: release.state for release in releases}
    if state.get(attempt.bad) is ReleaseState.ROLLED_BACK:
        return RollbackOutcome.ROLLED_BACK
    if attempt.good is not None and state.get(attempt.good) is ReleaseState.FAILED:
        return RollbackOutcome.NOT_HEALTHY
    return RollbackOutcome.BROKEN_OFF


class Rollbacks(Protocol):
    """What the registry knows of rollbacks."""

    async def begin_rollback(
        self, project: str, bad: int, good: int | None, at: datetime, *, automatic: bool, fence: int
    ) -> Attempt:
        """Store an attempt before anything is done; one of the same two releases that is still open is returned.

        LeaseLost when there is a newer fence.
        """
        ...

    async def end_rollback(self, position: int, outcome: RollbackOutcome) -> None:
        """Write what it came to; the first end stands."""
        ...

    async def rollbacks(self, project: str) -> Sequence[Attempt]:
        """Return the project's attempts, oldest first."""
        ...
