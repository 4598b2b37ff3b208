"""What nobody owns any more, and what is never touched."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.inventory import Held
from domain.leftovers import ATTACHMENT_AGE, RECEIPT_AGE, RULES, YOUNG, Owners, leftovers

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=1)
OWNERS = Owners(
    installation="ours",
    projects=frozenset({"notes"}),
    open_runs=frozenset({"r-1"}),
    copies=frozenset({"notes-v1", "notes-p1"}),
    candidates=frozenset({"sha256:1"}),
)


def held(kind: str, name: str, *projects: str, installation: str | None = "ours", made: datetime | None = OLD) -> Held:
    return Held(kind=kind, name=name, identity=name, installation=installation, projects=projects, made=made)


def why(thing: Held) -> str | None:
    found = leftovers([thing], OWNERS, NOW)
    return found[0].why if found else None


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (held("release", "notes-v1", "notes"), None),
        (held("release", "notes-v7", "notes"), "it is no release's copy"),
        (held("release", "ghost-v1", "ghost"), "there is no project ghost"),
        (held("release", "notes-p1", "notes"), None),
        (held("preview", "notes-p1", "notes"), None),
        (held("preview", "notes-p7", "notes"), "it is no open preview's copy"),
        (held("preview", "ghost-p1", "ghost"), "there is no project ghost"),
        (held("network", "slipway-ours-notes", "notes"), None),
        (held("network", "slipway-ours-workers.internal"), None),
        (held("network", "slipway-ours-ghost", "ghost"), "there is no project ghost"),
        (held("volume", "slipway-ours-notes-data", "notes"), None),
        (held("volume", "slipway-ours-ghost-data", "ghost", installation=None), "there is no project ghost"),
        (held("image", "sha256:1", "ghost"), None),
        (held("image", "sha256:2", "ghost"), "there is no project ghost"),
        (held("image", "folder:3", "ghost", "notes"), None),
        (held("image", "folder:3", "ghost", "spirit"), "there is no project ghost, spirit"),
        (held("data-of-copy", "notes-p1"), "whoever made it was interrupted"),
        (held("attachment", "a" * 64, made=NOW - ATTACHMENT_AGE), None),
        (
            held("attachment", "a" * 64, made=NOW - ATTACHMENT_AGE - timedelta(seconds=1)),
            "no request with it was started for 7 days",
        ),
        (held("attachment-of-run", "x", made=NOW - 9 * ATTACHMENT_AGE).model_copy(update={"run": "r-1"}), None),
        (held("attachment-of-run", "x").model_copy(update={"run": "r-7"}), "its run has ended"),
        (held("volume-maker", "slipway-ours-notes-data", "notes"), "whoever made it was interrupted"),
    ],
)
def test_a_thing_goes_when_its_owner_is_gone(thing: Held, reason: str | None) -> None:
    assert why(thing) == reason


@pytest.mark.parametrize("kind", [*RULES, "rehearsal", "container"])
def test_another_installations_things_are_never_touched(kind: str) -> None:
    assert why(held(kind, "ghost", "ghost", installation="theirs", made=NOW - 2 * RECEIPT_AGE)) is None


def test_a_kind_that_no_rule_names_is_left_alone() -> None:
    assert why(held("rehearsal", "ghost-rehearsal", "ghost")) is None


@pytest.mark.parametrize("kind", RULES)
def test_what_is_young_is_left_alone(kind: str) -> None:
    assert why(held(kind, "ghost", "ghost", made=NOW - YOUNG + timedelta(seconds=1))) is None


def test_a_thing_of_unknown_age_is_judged_by_its_owner() -> None:
    assert why(held("network", "ghost", "ghost", made=None)) == "there is no project ghost"


@pytest.mark.parametrize(("run", "days", "goes"), [("r-1", 40, False), ("r-2", 20, False), ("r-2", 40, True)])
def test_records_go_when_they_are_old_and_their_run_has_ended(run: str, days: int, goes: bool) -> None:
    thing = Held(kind="receipt", name="r.jsonl", installation="ours", run=run, made=NOW - timedelta(days=days))
    assert bool(why(thing)) is goes


def test_copies_go_before_what_they_use() -> None:
    things = [held(kind, f"ghost-{kind}", "ghost") for kind in ("image", "volume", "network", "release")]
    assert [left.held.kind for left in leftovers(things, OWNERS, NOW)] == ["release", "network", "volume", "image"]
