"""What is told at GitHub is there once, however much is there beside it: lists are read to their end."""

from datetime import timedelta
from pathlib import Path

import pytest

from domain.github import CommitCheck, Deployment
from domain.github_texts import check_of_push
from domain.outcomes import Escalated
from tests.fakes.github_places import NAME, Place, github_place
from tests.tasks.conftest import NOW

PERSONS = "octocat/notes"
COMMIT = "c0ffee" + "0" * 34


@pytest.fixture
def place(tmp_path: Path):  # type: ignore[no-untyped-def]
    with github_place(tmp_path) as found:
        found.state.make(NAME)
        found.state.make(PERSONS)
        yield found


def check(run: str = "r-0000a1", **changed: object) -> CommitCheck:
    said = {"run": run, "commit": COMMIT, "conclusion": "success", "title": "All 2 tests passed.", "summary": "2"}
    return CommitCheck.model_validate({**said, **changed})


def deployment(run: str, minutes: int = 0) -> Deployment:
    return Deployment(run=run, commit=COMMIT, since=NOW + timedelta(minutes=minutes), address="http://notes.localhost")


async def test_status_is_set_where_it_is_another_and_never_again_as_it_is(place: Place) -> None:
    said = (check(), check(), check(conclusion="failure"), check(conclusion="failure"), check(conclusion="neutral"))
    for each in said:
        await place.person.reports.report(PERSONS, each)
    assert [each["state"] for each in place.state.statuses[PERSONS]] == ["success", "failure", "pending"]


async def test_check_has_the_newest_words_also_where_its_end_is_the_same(place: Place) -> None:
    for title in ("It waits for money.", "It waits for a word.", "It waits for a word."):
        await place.app.reports.report(NAME, check(conclusion="neutral", title=title))
    assert [each["output"]["title"] for each in place.state.checks[NAME]] == ["It waits for a word."]
    assert place.api.count("PATCH", "/check-runs/1") == 1


async def test_check_with_as_much_as_is_told_is_taken_in_every_script(place: Place) -> None:
    for number, letter in enumerate("xж\u200b🙂"):
        await place.app.reports.report(NAME, check_of_push(f"r-{number}", COMMIT, Escalated(reason=letter * 90_000)) or check())
    assert [len(each["output"]["summary"].encode()) > 40_000 for each in place.state.checks[NAME]] == [True] * 4


async def test_two_runs_of_one_commit_have_one_check_each_whoever_tells_again(place: Place) -> None:
    for run in ("r-0000a1", "push-c0ffee", "r-0000a1", "push-c0ffee"):
        await place.app.reports.report(NAME, check(run))
    assert [each["external_id"] for each in place.state.checks[NAME]] == ["r-0000a1", "push-c0ffee"]


async def test_check_behind_a_hundred_others_is_found(place: Place) -> None:
    for number in (*range(101), 0):
        await place.app.reports.report(NAME, check(f"r-{number}"))
    assert len(place.state.checks[NAME]) == 101


async def test_comments_are_read_to_their_end(place: Place) -> None:
    talk = place.app.talk
    for number in range(201):
        await talk.comment(NAME, 1, f"{number}")
    assert [each.body for each in await talk.comments(NAME, 1)] == [f"{number}" for number in range(201)]


async def test_word_against_a_change_counts_behind_a_hundred_others(place: Place) -> None:
    place.state.people.update({(NAME, "anna"): "write", (NAME, "carl"): "write"})
    for _ in range(100):
        place.state.approve(NAME, 1, COMMIT)
    assert await place.app.pulls.approved(NAME, 1, COMMIT)
    place.state.approve(NAME, 1, COMMIT, person="carl", state="CHANGES_REQUESTED")
    assert not await place.app.pulls.approved(NAME, 1, COMMIT)


async def test_each_switch_is_a_deployment_and_the_newest_alone_is_active(place: Place) -> None:
    reports = place.app.reports
    one, two, back = deployment("r-0000a1"), deployment("r-0000a2", 1), deployment("r-0000a1", 2)
    for each in (one, two, back, back):
        await reports.deployed(NAME, each)
    assert [told[-1]["state"] for told in place.state.deployment_statuses.values()] == ["inactive", "inactive", "success"]
    assert [await reports.is_deployed(NAME, each) for each in (one, two, back)] == [False, False, True]
