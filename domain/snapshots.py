"""Snapshots: what was kept of a project's data before a release, and what a rollback does with the data."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from domain.app_data import NoRoom, Schema
from domain.releases import Release, ReleaseState, startable
from domain.values import Value
from domain.workers import AppState, AppStatus

DataChoice = Literal["", "keep", "restore"]
"""What a person wants done with the data in a rollback; empty: whatever is safe."""

HARMLESS = ("table", "index", "view")
"""What may be added to a schema without disturbing code that does not know it. A unique index or a trigger may disturb it."""

KEEP = 3
"""Newest snapshots that are kept whether or not a release needs them."""


class SnapshotState(StrEnum):
    TAKING = "taking"
    """It may be half there: the row is written before the copy."""
    TAKEN = "taken"
    """It is whole; the release command may have begun."""
    PASSED = "passed"
    """The release command has ended well, so it is not run again; the snapshot of a release without one stays `taken`."""
    RESTORING = "restoring"
    """The data is being replaced by it; whoever finds this goes on with it."""
    RESTORED = "restored"
    """The data was replaced by it."""


class Snapshot(Value):
    """A row of the registry. It belongs to the release before which it was taken."""

    project: str
    release: int
    reference: str
    state: SnapshotState
    taken: datetime
    bytes: int = 0
    schema_before: str = ""
    schema_after: str | None = None

    @property
    def is_whole(self) -> bool:
        return self.state is not SnapshotState.TAKING


class KeepData(Value):
    """The data stays as it is."""


class RestoreData(Value):
    """The data becomes what the snapshot holds."""

    snapshot: Snapshot


class RefuseRollback(Value):
    """Nothing is done, since each way would lose something that only the person may give up."""

    reason: str


class Snapshots(Protocol):
    """What the registry knows of snapshots. Writers carry the fence of their lease; LeaseLost when there is a newer one."""

    async def put_snapshot(self, snapshot: Snapshot, *, fence: int) -> None:
        """Store it, in the place of the row of the same release and reference."""
        ...

    async def snapshots(self, project: str) -> Sequence[Snapshot]:
        """Return the project's snapshots, the newest first."""
        ...

    async def drop_snapshot(self, project: str, reference: str, *, fence: int) -> None:
        """Forget it; nothing happens when there is none."""
        ...


def reference_of(release: int) -> str:
    """Return the name of the snapshot that is taken before a release."""
    return f"v{release}"


def undo_reference(release: int, restored: str) -> str:
    """Return the name of the snapshot that is taken before the data of a release is replaced by `restored`."""
    return f"v{release}-redo" if restored.endswith("-undo") else f"v{release}-undo"


def as_text(schema: Schema) -> str:
    return "\n".join(schema)


def moved(before: str, now: str) -> tuple[str, ...]:
    """Return what of a schema is no longer as it was, for code that was written for the one before; empty: nothing.

    What was only added, and cannot refuse a write, is none of that.
    """
    was, is_now = set(before.splitlines()), set(now.splitlines())
    lost = {_named(line) for line in was - is_now}
    disturbing = {_named(line) for line in is_now - was if line.split(" ")[-3] not in HARMLESS}
    return tuple(sorted(lost | disturbing))


def _named(line: str) -> str:
    """Return `table notes` of a schema's line."""
    return " ".join(line.split(" ")[-3:-1])


def before_leaving(good: Release, snapshots: Sequence[Snapshot], releases: Sequence[Release]) -> Snapshot | None:
    """Return the snapshot that holds the data as the good release left it when the next one began to serve.

    It is that of the first release that went live after it; one that failed took its own while the good one went on writing.
    """
    since = good.went_live or good.created
    followers = {r.number for r in releases if r.number != good.number and r.went_live and r.went_live > since}
    own = [s for s in snapshots if s.release in followers and s.reference == reference_of(s.release) and s.taken > since]
    return min((s for s in own if s.is_whole), key=lambda s: s.taken, default=None)


def decide_data(
    wanted: DataChoice, good: Release, bad: Release, snapshot: Snapshot | None, now: str, *, untouched: bool
) -> KeepData | RestoreData | RefuseRollback:
    """Decide what becomes of the data when `bad` is left for `good`.

    `now` is the schema as it is; `untouched`: it is sure that no request has written anything since the snapshot.
    """
    if wanted == "restore":
        return RestoreData(snapshot=snapshot) if snapshot else RefuseRollback(reason=no_snapshot(good, bad))
    changed = moved(snapshot.schema_before, now) if snapshot else ()
    if wanted == "keep" or not snapshot or not changed:
        return KeepData()
    return RestoreData(snapshot=snapshot) if untouched else RefuseRollback(reason=refusal(good, bad, snapshot, changed))


def no_snapshot(good: Release, bad: Release) -> str:
    return (
        f"{bad.project} has no snapshot from the time of release {good.number}: "
        f"`{command(good, 'keep')}` goes back and leaves the data as it is"
    )


def refusal(good: Release, bad: Release, snapshot: Snapshot, changed: Sequence[str]) -> str:
    """Say why a rollback would not be safe, and each thing that can be done."""
    what = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    return (
        f"{bad.project} stays on release {bad.number}: its database was changed since release {good.number} ({what}), "
        f"and that one may not work with it. `{command(good, 'keep')}` goes back and leaves the data as it is; "
        f"`{command(good, 'restore')}` also brings back the data of {snapshot.taken:%Y-%m-%d %H:%M} UTC: "
        "what was written since then is lost to the app"
    )


def command(good: Release, data: str) -> str:
    return f"slipway rollback {good.project} {good.number} --data {data}"


def undoing(serving: Release, restored: Snapshot, snapshots: Sequence[Snapshot], since: datetime) -> Snapshot | None:
    """Return the snapshot of what `restored` has replaced since then, whole; None when it has replaced nothing since.

    What was replaced before is no work of who asks: the release has gone on with that.
    """
    if restored.state is not SnapshotState.RESTORED:
        return None
    name = undo_reference(serving.number, restored.reference)
    return next((each for each in snapshots if each.reference == name and each.is_whole and each.taken >= since), None)


def being_restored(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    """Return the snapshot with which an interrupted restore has to be finished."""
    return next((snapshot for snapshot in snapshots if snapshot.state is SnapshotState.RESTORING), None)


def replacements(snapshots: Sequence[Snapshot]) -> frozenset[tuple[str, SnapshotState, datetime]]:
    """Return what is another after each restore: what it was done with, and what it has kept of the data before."""
    restores = (SnapshotState.RESTORING, SnapshotState.RESTORED)
    kept = ("-undo", "-redo")
    return frozenset(
        (each.reference, each.state, each.taken)
        for each in snapshots
        if each.state in restores or each.reference.endswith(kept)
    )


def superseded(snapshots: Sequence[Snapshot], releases: Sequence[Release]) -> tuple[Snapshot, ...]:
    """Return those that may go: no release that can be gone back to needs them, and they are not among the newest."""
    good = [release for release in releases if startable(releases, release.number)]
    needed = {snapshot.reference for each in good if (snapshot := before_leaving(each, snapshots, releases))}
    needed |= {reference_of(release.number) for release in releases if release.state is ReleaseState.STARTING}
    newest = sorted(snapshots, key=lambda snapshot: snapshot.taken, reverse=True)
    old = newest[KEEP:]
    return tuple(s for s in old if s.reference not in needed and s.state is not SnapshotState.RESTORING)


def ended_badly(status: AppStatus, seconds: float, snapshot: Snapshot) -> str:
    """Say how a release command failed, and what it has left behind."""
    if status.state is AppState.RUNNING:
        how = f"its release command did not end within {seconds:g} s"
    else:
        memory = " (out of memory)" if status.out_of_memory else ""
        how = f"its release command ended with exit code {status.exit_code}{memory}"
    changed = moved(snapshot.schema_before, snapshot.schema_after or "")
    if not changed:
        return f"{how}; what served before still does"
    return (
        f"{how}, and had changed the database before ({', '.join(changed[:3])}); what served before goes on with that. "
        f"`slipway rollback {snapshot.project} --data {snapshot.reference}` brings the data from before back, "
        "and what was written since then is lost to the app"
    )


def no_room(room: NoRoom, doing: str) -> str:
    """Say in one sentence why a copy of the data was not made, and what helps."""
    if room.over_limit:
        return (
            f"{doing} needs {room.needed_mb} MB, more than SLIPWAY_SNAPSHOT_MB allows: "
            "raise it and start `slipway up` again, or have the app keep less"
        )
    return f"{doing} needs {room.needed_mb} MB, and the disk has {room.free_mb} MB free: free some space on it, then try again"
