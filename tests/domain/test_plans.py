import pytest
from pydantic import ValidationError

from domain.briefs import AcceptanceCheck, Brief
from domain.checks import Check, HttpCheck, HttpStep
from domain.plans import Plan, PlannedFile, as_markdown, gaps, in_force


def check(name: str, covers: str) -> HttpCheck:
    return HttpCheck(id=name, covers=covers, title=name, steps=(HttpStep(path="/"),))


def plan(*checks: Check) -> Plan:
    return Plan(summary="do it", files=(PlannedFile(path="app/main.py", purpose="all"),), test_plan=("works",), checks=checks)


def brief(*ids: str, retires: tuple[str, ...] = ()) -> Brief:
    return Brief(
        title="Notes",
        slug="notes",
        kind="web-service",
        language="en",
        summary="Keeps notes.",
        stories=("one",),
        checks=tuple(AcceptanceCheck(id=name, text=f"given {name}") for name in ids),
        retires=retires,
    )


def test_plan_that_covers_every_check_has_no_gap() -> None:
    assert gaps(plan(check("a1", "a"), check("a2", "a"), check("b1", "b")), brief("a", "b")) == ()


def test_gaps_name_what_is_missing_unknown_and_repeated() -> None:
    found = gaps(plan(check("x", "a"), check("x", "zzz")), brief("a", "b"))
    assert found == (
        "no executable check covers 'b'",
        "check covers 'zzz', which the Brief does not have",
        "check id 'x' stands more than once",
    )


def test_earlier_checks_cover_but_cannot_be_replaced() -> None:
    earlier = (check("a1", "a"),)
    assert gaps(plan(check("b1", "b")), brief("a", "b"), earlier) == ()
    assert gaps(plan(check("a1", "b")), brief("a", "b"), earlier) == ("check id 'a1' is taken by an earlier check",)


def test_what_is_in_force_is_the_earlier_without_the_retired_and_the_new() -> None:
    earlier = (check("a1", "a"), check("b1", "b"))
    new = plan(check("c1", "c"))
    assert [c.id for c in in_force(new, brief("b", "c", retires=("a",)), earlier)] == ["b1", "c1"]


@pytest.mark.parametrize("path", ["items", "http://elsewhere/", ""])
def test_check_cannot_leave_its_app(path: str) -> None:
    with pytest.raises(ValidationError):
        HttpStep(path=path)


def test_markdown_names_files_tests_and_checks() -> None:
    text = as_markdown(plan(check("a1", "a")))
    assert "| `app/main.py` | all |" in text
    assert "`a1` (http, for `a`)" in text
