"""Which step a wish for a rollback comes to, case by case."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from domain.releases import Release, ReleaseState
from domain.rollbacks import (
    Attempt,
    GoBack,
    Leave,
    RollbackOutcome,
    RollbackRequest,
    Stay,
    became_of,
    next_step,
    refusal,
    taken_back_lately,
    unfinished,
)

S, O = ReleaseState, RollbackOutcome  # noqa: E741  (two columns of the tables below)
NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FLAP = timedelta(minutes=10)


def release(number: int, state: ReleaseState, reason: str = "") -> Release:
    return Release(
        project="notes",
        number=number,
        run=f"r-{number}",
        commit="c",
        candidate=f"sha256:{number}",
        environment_version=1,
        state=state,
        reason=reason,
        created=NOON - timedelta(days=9 - number),
        went_live=None if state in (S.STARTING, S.FAILED) else NOON - timedelta(days=9 - number),
    )


def attempt(bad: int, good: int | None, outcome: RollbackOutcome, *, minutes: float = 0, automatic: bool = True) -> Attempt:
    """Return a row that was written so many minutes before noon."""
    at = NOON - timedelta(minutes=minutes)
    return Attempt(position=bad, project="notes", bad=bad, good=good, automatic=automatic, at=at, outcome=outcome)


def wish(*, release: int | None = None, to: int | None = None, automatic: bool = True) -> RollbackRequest:
    return RollbackRequest(
        project="notes", release=release, to=to, reason="it answers 500", automatic=automatic, owner="rollback-1", asked=NOON
    )


def step(asked: RollbackRequest, releases: Sequence[Release], attempts: Sequence[Attempt] = ()) -> tuple[int, int] | str | None:
    """Return (bad, good), the message of staying, or None where another release serves."""
    match next_step(asked, releases, attempts, FLAP, NOON):
        case GoBack(bad=bad, good=good):
            return bad.number, good.number
        case Stay(message=message):
            return message
        case Leave():
            return None


THREE = (release(3, S.LIVE), release(2, S.KEPT), release(1, S.KEPT))


@pytest.mark.parametrize("automatic", [True, False])
def test_the_newest_good_release_before_is_gone_back_to(automatic: bool) -> None:
    assert step(wish(release=3, automatic=automatic), THREE) == (3, 2)


def test_a_release_that_did_not_start_is_followed_by_the_one_before_it() -> None:
    releases = (release(3, S.LIVE), release(2, S.FAILED, "It ended by itself."), release(1, S.KEPT))
    assert step(wish(release=3), releases, [attempt(3, 2, O.NOT_HEALTHY)]) == (3, 1)


def test_when_none_starts_the_app_stays_and_each_reason_is_said() -> None:
    releases = (release(3, S.LIVE), release(2, S.FAILED, "It ended by itself."), release(1, S.FAILED, "It is gone."))
    tried = [attempt(3, 2, O.NOT_HEALTHY), attempt(3, 1, O.NOT_HEALTHY)]
    assert step(wish(release=3), releases, tried) == (
        "notes: release 3 is broken and release 2 does not start either: It ended by itself. "
        "and release 1 does not start either: It is gone."
    )


def test_a_first_release_stays() -> None:
    assert step(wish(release=1), [release(1, S.LIVE)]) == "notes has no earlier good release to go back to; it stays as it is"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (attempt(3, 2, O.ROLLED_BACK, minutes=9.9), "asks"),
        (attempt(3, 2, O.ROLLED_BACK, minutes=10), (2, 1)),
        (attempt(3, 2, O.ROLLED_BACK, minutes=1, automatic=False), (2, 1)),
        (attempt(3, 2, O.NOT_HEALTHY, minutes=1), (2, 1)),
        (attempt(3, 2, O.BROKEN_OFF, minutes=1), (2, 1)),
        (attempt(3, 2, O.BEGUN, minutes=1), (2, 1)),
    ],
)
def test_a_second_failure_inside_the_window_goes_to_a_person(row: Attempt, expected: object) -> None:
    releases = (release(3, S.ROLLED_BACK), release(2, S.LIVE), release(1, S.KEPT))
    said = step(wish(release=2), releases, [row])
    if expected == "asks":
        assert said == (
            "notes: release 2 is unwell 10 min after release 3 was taken back by itself; it stays as it is until a person "
            'decides: `slipway rollback notes` goes back to release 1, `slipway change notes "..."` mends it'
        )
        assert step(wish(release=2, automatic=False), releases, [row]) == (2, 1)
    else:
        assert said == expected


def test_each_flap_is_asked_about_once_and_no_window_means_never() -> None:
    rows = [attempt(3, 2, O.ROLLED_BACK, minutes=5)]
    asked = next_step(wish(release=2), (release(2, S.LIVE), release(1, S.KEPT)), rows, FLAP, NOON)
    assert isinstance(asked, Stay)
    assert (asked.end, asked.outcome) == ("asks-3", O.ASKED)
    assert taken_back_lately(rows, timedelta(0), NOON) is None


@pytest.mark.parametrize(
    ("row", "is_tried"),
    [
        (attempt(3, 2, O.REFUSED), False),
        (attempt(3, 2, O.REFUSED, automatic=False), True),
        (attempt(3, 1, O.REFUSED), True),
        (attempt(3, None, O.REFUSED), True),
        (attempt(3, 2, O.REFUSED, minutes=7 * 24 * 60), True),
        (attempt(3, 2, O.BROKEN_OFF), True),
    ],
)
def test_what_was_refused_for_the_data_is_not_tried_again_by_itself_while_the_release_serves(
    row: Attempt, is_tried: bool
) -> None:
    assert step(wish(release=3, automatic=False), THREE, [row]) == (3, 2)
    assert step(wish(release=3), THREE, [row]) == (
        (3, 2)
        if is_tried
        else "notes: release 3 is unwell and stays, since going back to release 2 could cost data: `slipway rollback notes 2 "
        "--data keep` goes back and leaves the data as it is; `slipway rollback notes 2 --data restore` also brings back the "
        "data from before, and what was written since then is lost to the app"
    )


@pytest.mark.parametrize(
    ("outcome", "bad", "state", "expected"),
    [
        (O.BEGUN, 3, S.FAILED, True),
        (O.BEGUN, 3, S.KEPT, False),
        (O.NOT_HEALTHY, 3, S.FAILED, False),
        (O.BEGUN, 4, S.FAILED, False),
    ],
)
def test_attempt_is_unfinished_whose_release_did_not_start_while_the_bad_one_still_is_meant_to_serve(
    outcome: RollbackOutcome, bad: int, state: ReleaseState, expected: bool
) -> None:
    row = attempt(bad, 2, outcome)
    assert unfinished([row], (release(3, S.LIVE), release(2, state))) == (row if expected else None)
    assert unfinished([row], ()) is None


@pytest.mark.parametrize("releases", [(), (release(3, S.ROLLED_BACK), release(2, S.LIVE))])
def test_a_wish_about_a_release_that_does_not_serve_comes_to_nothing(releases: Sequence[Release]) -> None:
    assert step(wish(release=3), releases) is None


@pytest.mark.parametrize(
    ("bad", "good", "expected"),
    [
        (S.LIVE, S.KEPT, O.BROKEN_OFF),
        (S.LIVE, S.FAILED, O.NOT_HEALTHY),
        (S.ROLLED_BACK, S.LIVE, O.ROLLED_BACK),
        (S.KEPT, S.KEPT, O.BROKEN_OFF),
    ],
)
def test_what_became_of_an_attempt_is_read_from_its_releases(
    bad: ReleaseState, good: ReleaseState, expected: RollbackOutcome
) -> None:
    assert became_of(attempt(3, 2, O.BEGUN), (release(3, bad), release(2, good))) is expected


EVERY_STATE = (
    release(7, S.LIVE),
    release(6, S.STARTING),
    release(5, S.ROLLED_BACK),
    release(4, S.FAILED),
    release(3, S.KEPT),
    release(2, S.DRAINING),
    release(1, S.REMOVED),
)
CURE = "`slipway rollback notes VERSION` can go to 2, 3"


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (None, None),
        (2, None),
        (3, None),
        (7, "notes serves release 7 already"),
        (1, f"notes has release 1 no longer, only the newest ones are kept: {CURE}"),
        (4, f"notes has release 4 marked as failed, and what failed is not tried again: {CURE}"),
        (5, f"notes has release 5 taken back, and what was taken back is not tried again: {CURE}"),
        (6, f"notes has release 6 still starting: {CURE}"),
        (9, f"notes has no release 9: {CURE}"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_in_one_sentence_with_the_cure(to: int | None, expected: str | None) -> None:
    assert refusal("notes", EVERY_STATE, to) == expected


def test_a_project_without_a_release_or_without_an_earlier_one_says_so() -> None:
    assert refusal("notes", (), None) == "notes serves no release that could be taken back: see `slipway status notes`"
    first = (release(1, S.LIVE),)
    assert refusal("notes", first, None) == "notes has no earlier good release to go back to; it stays as it is"
    assert refusal("notes", first, 2) == 'notes has no release 2: `slipway change notes "..."` goes on'
