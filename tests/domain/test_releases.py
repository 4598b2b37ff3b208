from datetime import UTC, datetime, timedelta

import pytest

from domain.releases import (
    MOVES,
    Release,
    ReleaseState,
    failed_before,
    is_meant,
    live,
    overtaken,
    previous_good,
    retired,
    serves_instead,
)

START = datetime(2026, 11, 23, tzinfo=UTC)
S = ReleaseState


def release(number: int, state: ReleaseState, went_live: int | None = None) -> Release:
    return Release(
        project="notes",
        number=number,
        run=f"r-{number:06}",
        commit="a" * 40,
        candidate=f"sha256:{number}",
        environment_version=1,
        state=state,
        created=START + timedelta(minutes=number),
        went_live=None if went_live is None else START + timedelta(minutes=went_live),
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({3: S.LIVE, 2: S.KEPT, 1: S.KEPT}, 2),
        ({3: S.LIVE, 2: S.ROLLED_BACK, 1: S.KEPT}, 1),
        ({3: S.LIVE, 2: S.FAILED, 1: S.REMOVED}, None),
        ({2: S.LIVE, 1: S.DRAINING}, 1),
        ({1: S.LIVE}, None),
        ({2: S.ROLLED_BACK, 1: S.KEPT}, 1),
        ({}, None),
    ],
)
def test_previous_good_is_the_newest_that_served_well_and_is_older(
    states: dict[int, ReleaseState], expected: int | None
) -> None:
    releases = [release(number, state, number) for number, state in states.items()]
    found = previous_good(releases)
    assert (found.number if found else None) == expected


def test_after_a_rollback_the_release_before_is_older_still() -> None:
    releases = [release(3, S.ROLLED_BACK, 3), release(2, S.LIVE, 4), release(1, S.KEPT, 1)]
    found = previous_good(releases)
    assert found is not None
    assert found.number == 1


def test_live_is_found_or_nothing() -> None:
    assert live([release(2, S.KEPT), release(1, S.LIVE)]) == release(1, S.LIVE)
    assert live([release(2, S.KEPT)]) is None


def test_only_kept_ones_beyond_the_newest_and_failed_ones_are_retired() -> None:
    releases = [release(n, S.KEPT) for n in (5, 4, 3, 2)] + [
        release(6, S.LIVE),
        release(1, S.FAILED),
        release(7, S.ROLLED_BACK),
    ]
    assert {r.number for r in retired(releases, keep=3)} == {2, 1, 7}


def test_every_state_has_its_moves_and_removed_is_the_end() -> None:
    assert set(MOVES) == set(ReleaseState)
    assert MOVES[S.REMOVED] == frozenset()
    reachable = {state for moves in MOVES.values() for state in moves}
    assert reachable == set(ReleaseState) - {S.STARTING}


@pytest.mark.parametrize(
    ("serving", "named", "asked", "expected"),
    [
        (release(3, S.LIVE, 3), 3, 0, True),
        (release(2, S.LIVE, 9), 3, 5, False),
        (release(3, S.LIVE, 3), None, 3, True),
        (release(2, S.LIVE, 9), None, 5, False),
        (None, 3, 5, False),
        (None, None, 5, False),
    ],
)
def test_a_rollback_is_about_the_release_that_it_names_or_that_served_when_it_was_asked_for(
    serving: Release | None, named: int | None, asked: int, expected: bool
) -> None:
    assert is_meant(serving, named, START + timedelta(minutes=asked)) is expected


@pytest.mark.parametrize("state", list(S))
def test_a_run_has_nothing_left_to_do_for_a_release_that_served_and_does_not_any_more(state: ReleaseState) -> None:
    mine = release(2, state, 2).model_copy(update={"reason": "it answers 500"})
    expected = {
        S.ROLLED_BACK: "release 2 went online and was taken back because it answers 500",
        **dict.fromkeys((S.DRAINING, S.KEPT, S.REMOVED), "release 2 went online, and release 3 has replaced it since"),
    }
    assert overtaken(mine, [release(3, S.LIVE, 3), mine]) == expected.get(state)


@pytest.mark.parametrize(
    ("run", "candidate", "releases", "expected"),
    [
        ("r-again", "sha256:2", [release(3, S.LIVE, 3), release(2, S.KEPT, 2)], 3),
        ("r-again", "sha256:2", [release(2, S.ROLLED_BACK, 2), release(1, S.LIVE, 1)], 1),
        ("r-again", "sha256:2", [release(2, S.LIVE, 2)], None),
        ("r-again", "sha256:2", [release(2, S.KEPT, 2)], None),
        ("r-000002", "sha256:2", [release(3, S.LIVE, 3), release(2, S.KEPT, 2)], None),
    ],
)
def test_what_is_released_again_gives_way_to_what_has_taken_its_place(
    run: str, candidate: str, releases: list[Release], expected: int | None
) -> None:
    found = serves_instead(run, candidate, releases)
    assert (found and found.number) == expected


FAILED_2 = release(2, S.FAILED).model_copy(update={"unfit": True, "reason": "it answers 500"})


@pytest.mark.parametrize(
    ("run", "candidate", "environment", "others", "expected"),
    [
        ("r-new", "sha256:2", 1, (), 2),
        ("r-new", "sha256:2", 2, (), None),
        ("r-new", "sha256:3", 1, (), None),
        ("r-000002", "sha256:2", 1, (), None),
        ("r-new", "sha256:2", 1, (release(1, S.LIVE, 1),), 2),
        ("r-new", "sha256:2", 1, (release(3, S.LIVE, 3).model_copy(update={"candidate": "sha256:2"}),), None),
        ("r-new", "sha256:4", 1, (release(4, S.FAILED).model_copy(update={"reason": "the disk is full"}),), None),
        ("r-000005", "sha256:2", 1, (release(5, S.STARTING),), None),
    ],
    ids=[
        "the same again",
        "with another environment",
        "another candidate",
        "its own run goes on",
        "another one serves",
        "it serves all the same",
        "failed by no fault of its own",
        "a run that has its release",
    ],
)
def test_a_candidate_that_failed_its_health_is_not_tried_again(
    run: str, candidate: str, environment: int, others: tuple[Release, ...], expected: int | None
) -> None:
    found = failed_before(run, candidate, environment, (*others, FAILED_2))
    assert (found.number if found else None) == expected
