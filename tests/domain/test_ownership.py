"""Whose a run is: of who asked for it, and of who has its project, as long as that is the same project."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.ownership import is_theirs
from domain.runs import Origin, Project, Run, RunState
from tests.fakes.desk import a_brief

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def a_run(person: str, minutes: int = 0) -> Run:
    at = NOON + timedelta(minutes=minutes)
    origin = Origin(person=person)
    return Run(id="r-1", project="notes", change=False, request="x", state=RunState.QUEUED, origin=origin, created=at)


def a_project(owner: str) -> Project:
    brief = a_brief("notes", "Notes")
    return Project(slug="notes", title="Notes", kind="x", owner=owner, brief=brief, created=NOON, domain="notes.localhost")


@pytest.mark.parametrize(
    ("run", "project", "theirs"),
    [
        (a_run("ann"), None, True),
        (a_run("ann"), a_project("bob"), True),
        (a_run("bob"), None, False),
        (a_run("bob"), a_project("bob"), False),
        (a_run("bob"), a_project("ann"), True),
        (a_run("bob", -1), a_project("ann"), False),
        (a_run(""), a_project("bob"), False),
    ],
)
def test_run_is_hers(run: Run, project: Project | None, theirs: bool) -> None:
    assert is_theirs(run, project, "ann") is theirs
