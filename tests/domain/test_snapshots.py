"""What a rollback does with the data, and which snapshots are still needed."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.app_data import NoRoom
from domain.releases import Release, ReleaseState
from domain.snapshots import (
    DataChoice,
    KeepData,
    RefuseRollback,
    RestoreData,
    Snapshot,
    SnapshotState,
    before_leaving,
    decide_data,
    moved,
    no_room,
    superseded,
    undo_reference,
    undoing,
)

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
OLD = "app.db table notes 11\napp.db index by_day 22"
STATES = {"L": ReleaseState.LIVE, "K": ReleaseState.KEPT, "F": ReleaseState.FAILED, "S": ReleaseState.STARTING}


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def release(number: int, state: str = "K", went_live: int | None = None) -> Release:
    return Release(
        project="notes", number=number, run=f"r-{number}", commit="a" * 40, candidate=f"sha256:{number}", environment_version=1,
        state=STATES[state], created=NOON, went_live=None if went_live is None else at(went_live),
    )  # fmt: skip


def snapshot(release: int, taken: int, schema: str = OLD, reference: str = "", **changes: object) -> Snapshot:
    given = {"project": "notes", "release": release, "reference": reference or f"v{release}", "taken": at(taken)}
    return Snapshot.model_validate({"state": SnapshotState.PASSED, "schema_before": schema, **given, **changes})


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (OLD, ()),
        (f"{OLD}\napp.db table tags 33\napp.db index by_tag 44\nlog.db view v 5", ()),
        (f"{OLD}\napp.db unique-index one_a_day 55", ("unique-index one_a_day",)),
        (f"{OLD}\napp.db trigger audit 66", ("trigger audit",)),
        ("app.db table notes 99\napp.db index by_day 22", ("table notes",)),
        ("app.db index by_day 22", ("table notes",)),
        ("", ("index by_day", "table notes")),
        (f"{OLD}\nmy file.db trigger t 7", ("trigger t",)),
    ],
)
def test_what_of_a_schema_has_moved(now: str, expected: tuple[str, ...]) -> None:
    assert moved(OLD, now) == expected


GOOD, BAD = release(1, "K", 0), release(2, "L", 10)
BEFORE = snapshot(2, 9)
NEW = "app.db table notes 99"
KEPT, RESTORED = KeepData(), RestoreData(snapshot=BEFORE)


@pytest.mark.parametrize(
    ("wanted", "found", "now", "untouched", "expected"),
    [
        ("", BEFORE, OLD, False, KEPT),
        ("", None, NEW, False, KEPT),
        ("", BEFORE, NEW, True, RESTORED),
        ("keep", BEFORE, NEW, True, KEPT),
        ("restore", BEFORE, NEW, False, RESTORED),
        ("restore", BEFORE, OLD, False, RESTORED),
    ],
)
def test_what_becomes_of_the_data(
    wanted: DataChoice, found: Snapshot | None, now: str, untouched: bool, expected: KeepData | RestoreData
) -> None:
    assert decide_data(wanted, GOOD, BAD, found, now, untouched=untouched) == expected


def test_rollback_that_would_lose_something_says_why_and_what_can_be_done() -> None:
    assert decide_data("", GOOD, BAD, BEFORE, NEW, untouched=False) == RefuseRollback(
        reason="notes stays on release 2: its database was changed since release 1 (index by_day, table notes), and that one "
        "may not work with it. `slipway rollback notes 1 --data keep` goes back and leaves the data as it is; "
        "`slipway rollback notes 1 --data restore` also brings back the data of 2026-11-28 12:09 UTC: "
        "what was written since then is lost to the app"
    )
    assert decide_data("restore", GOOD, BAD, None, NEW, untouched=True) == RefuseRollback(
        reason="notes has no snapshot from the time of release 1: "
        "`slipway rollback notes 1 --data keep` goes back and leaves the data as it is"
    )


@pytest.mark.parametrize(
    ("good", "snapshots", "releases", "expected"),
    [
        (release(1, "K", 0), [(2, 9)], [release(2, "L", 10)], 2),
        (release(1, "K", 0), [(3, 19), (2, 9)], [release(3, "L", 20), release(2, "K", 10)], 2),
        # 2 failed and never served: 1 went on writing until 3 did.
        (release(1, "K", 0), [(3, 19), (2, 9)], [release(3, "L", 20), release(2, "F")], 3),
        # 1 came back at 15, after 2: what 2 left then is not what 1 had when 3 came.
        (release(1, "K", 15), [(3, 19), (2, 9)], [release(3, "L", 20), release(2, "F", 10)], 3),
        (release(1, "K", 0), [(3, 19)], [release(3, "L", 20), release(2, "K", 10)], 3),
        (release(1, "K", 0), [], [release(2, "L", 10)], None),
    ],
)
def test_data_as_a_release_left_it(
    good: Release, snapshots: list[tuple[int, int]], releases: list[Release], expected: int | None
) -> None:
    found = before_leaving(good, [snapshot(*each) for each in snapshots], [*releases, good])
    assert (found.release if found else None) == expected


def test_half_a_snapshot_and_one_of_a_restore_are_never_gone_back_to() -> None:
    half = snapshot(2, 9, state=SnapshotState.TAKING)
    undo = snapshot(2, 11, reference=undo_reference(2, "v2"), state=SnapshotState.TAKEN)
    assert before_leaving(GOOD, [undo, half], [BAD, GOOD]) is None


def test_what_a_restore_has_replaced_is_kept_under_a_name_that_says_how_to_go_there_and_back() -> None:
    assert undo_reference(2, "v2") == "v2-undo"
    assert undo_reference(2, "v2-undo") == "v2-redo"
    assert undo_reference(2, "v2-redo") == "v2-undo"


@pytest.mark.parametrize(
    ("state", "undo", "taken", "expected"),
    [
        (SnapshotState.RESTORED, SnapshotState.TAKEN, 11, True),
        (SnapshotState.RESTORED, SnapshotState.RESTORED, 11, True),
        (SnapshotState.RESTORED, SnapshotState.TAKEN, 10, False),
        (SnapshotState.RESTORED, SnapshotState.TAKING, 11, False),
        (SnapshotState.PASSED, SnapshotState.TAKEN, 11, False),
    ],
)
def test_data_was_replaced_since_when_all_that_was_there_is_kept_from_then_on(
    state: SnapshotState, undo: SnapshotState, taken: int, expected: bool
) -> None:
    kept = snapshot(2, taken, reference="v2-undo", state=undo)
    assert undoing(BAD, snapshot(2, 9, state=state), [kept], at(11)) == (kept if expected else None)


def test_snapshots_go_when_no_release_can_be_gone_back_to_with_them() -> None:
    releases = [release(6, "L", 60), release(5, "K", 50), release(4, "K", 40), release(3, "F", 30), release(2, "F", 20)]
    snapshots = [snapshot(number, number * 10 - 1) for number in (6, 5, 4, 3, 2)]
    assert [s.release for s in superseded(snapshots, releases)] == [3, 2]
    assert [s.release for s in superseded(snapshots, [*releases, release(1, "K", 10)])] == [3]
    unfinished = [*snapshots[:4], snapshot(2, 19, state=SnapshotState.RESTORING)]
    assert [s.release for s in superseded(unfinished, releases)] == [3]
    assert superseded(snapshots[:3], releases[:1]) == ()


def test_why_no_copy_was_made() -> None:
    assert no_room(NoRoom(needed_mb=900, free_mb=100), "a snapshot of notes") == (
        "a snapshot of notes needs 900 MB, and the disk has 100 MB free: free some space on it, then try again"
    )
    assert no_room(NoRoom(needed_mb=900, free_mb=5000, over_limit=True), "a snapshot of notes") == (
        "a snapshot of notes needs 900 MB, more than SLIPWAY_SNAPSHOT_MB allows: "
        "raise it and start `slipway up` again, or have the app keep less"
    )
