from datetime import UTC, datetime, timedelta

import pytest

from domain.briefs import AcceptanceCheck, Brief
from domain.host_claims import free_preview_number
from domain.previews import (
    MOVES,
    Preview,
    PreviewState,
    chosen,
    has_expired,
    needed_candidates,
    preview_route,
    project_of_route,
    uncleared,
    why_no_preview,
    why_unfit,
)
from domain.resources import ResourceKind
from domain.routes import Route

START = datetime(2026, 11, 28, tzinfo=UTC)
S = PreviewState
BRIEF = Brief(
    title="Notes",
    slug="notes",
    kind="web-service",
    language="en",
    summary="x",
    stories=("y",),
    checks=(AcceptanceCheck(id="adds", text="When I post a note, it is listed"),),
)


def preview(number: int = 1, state: PreviewState = S.UP, **changes: object) -> Preview:
    given = {
        "project": "notes",
        "run": f"r-{number:06}",
        "commit": "new",
        "candidate": f"sha256:{number}",
        "base": "old",
        "brief": BRIEF,
        "checks": (),
        "number": number,
        "host": f"notes-{number}.localhost",
        "state": state,
        "created": START,
        "expires": START + timedelta(days=3),
        **changes,
    }
    return Preview.model_validate(given)


def test_what_has_ended_stays_so_and_only_what_is_up_is_promoted() -> None:
    assert {state for state, after in MOVES.items() if not after} == {S.PROMOTED, S.EXPIRED, S.FAILED, S.REMOVED}
    assert {state for state, after in MOVES.items() if S.PROMOTED in after} == {S.UP}
    assert {state for state in S if state.open} == {state for state, after in MOVES.items() if after}


@pytest.mark.parametrize(
    ("state", "head", "why"),
    [
        (S.UP, "old", None),
        (S.UP, "new", None),
        (S.PROMOTED, "other", None),
        (S.UP, "other", "another change of notes went live since preview 1 of notes was made: make the change again"),
        (S.UP, None, "another change of notes went live since"),
        (S.STARTING, "old", "preview 1 of notes is not up yet: see `slipway status notes`"),
        (S.EXPIRED, "old", 'preview 1 of notes is expired: make the change again with `slipway change notes "..." --preview`'),
        (S.REMOVED, "old", "preview 1 of notes is removed: make the change again"),
    ],
)
def test_preview_goes_live_while_main_is_where_it_began(state: PreviewState, head: str | None, why: str | None) -> None:
    said = why_unfit(preview(state=state), head)
    assert (said is None) if why is None else (said or "").startswith(why)


def test_why_a_preview_failed_is_said() -> None:
    assert (why_unfit(preview(state=S.FAILED, reason="it ended by itself"), "old") or "").startswith(
        "preview 1 of notes is failed (it ended by itself): "
    )


@pytest.mark.parametrize(
    ("state", "hours", "expired"),
    [(S.UP, 71, False), (S.UP, 72, True), (S.STARTING, 99, False), (S.PROMOTED, 99, False)],
)
def test_preview_expires_when_its_time_is_over_and_it_is_up(state: PreviewState, hours: int, expired: bool) -> None:
    assert has_expired(preview(state=state), START + timedelta(hours=hours)) is expired


@pytest.mark.parametrize(
    ("states", "number", "expected"),
    [
        ({1: S.UP, 2: S.EXPIRED}, None, 1),
        ({1: S.UP, 2: S.STARTING}, None, 2),
        ({1: S.PROMOTED, 2: S.EXPIRED}, None, 2),
        ({1: S.UP, 2: S.UP}, 1, 1),
        ({1: S.UP}, 7, None),
        ({}, None, None),
    ],
)
def test_without_a_number_the_newest_open_one_is_meant(
    states: dict[int, PreviewState], number: int | None, expected: int | None
) -> None:
    found = chosen([preview(each, state) for each, state in states.items()], number)
    assert (found.number if found else None) == expected


def test_ended_ones_are_cleared_once_and_open_ones_keep_their_candidate() -> None:
    ended = [preview(number, state) for number, state in enumerate((S.PROMOTED, S.EXPIRED, S.FAILED, S.REMOVED), 1)]
    done = preview(5, S.REMOVED, cleared=START)
    up, starting = preview(6), preview(7, S.STARTING)
    assert uncleared([*ended, done, up, starting]) == tuple(ended)
    assert needed_candidates([*ended, done, up, starting]) == {"sha256:6", "sha256:7"}


def test_route_of_a_preview_is_its_own_and_says_whose_it_is() -> None:
    assert preview_route(preview(3), "127.0.0.1:7") == Route(
        project="notes.p3", hosts=("notes-3.localhost",), upstream="127.0.0.1:7"
    )
    assert [project_of_route(name) for name in ("notes.p3", "notes", "notes-p3")] == ["notes", "notes", "notes-p3"]


@pytest.mark.parametrize(
    ("last", "taken", "number"),
    [(0, set(), 1), (4, set(), 5), (0, {"notes-1.localhost", "notes-2.localhost", "notes-1.example"}, 3)],
)
def test_number_whose_host_is_a_projects_is_passed_over(last: int, taken: set[str], number: int) -> None:
    assert free_preview_number("notes", "localhost", last, taken) == number


@pytest.mark.parametrize(
    ("app_json", "planned", "named"),
    [
        ("", (), None),
        ('{"addons": []}', (), None),
        ('{"addons": ["postgres", "redis"]}', (), "postgres and redis"),
        ("", (ResourceKind.POSTGRES,), "postgres"),
        ('{"addons": ["redis"]}', (ResourceKind.REDIS, ResourceKind.POSTGRES), "redis and postgres"),
    ],
)
def test_app_whose_data_cannot_be_copied_has_no_preview(
    app_json: str, planned: tuple[ResourceKind, ...], named: str | None
) -> None:
    why = f"a preview would write into the live {named} of the app: make the change with --no-preview"
    assert why_no_preview(app_json, planned) == (why if named else None)
