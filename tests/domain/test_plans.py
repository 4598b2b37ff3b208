import pytest
from pydantic import ValidationError

from domain.briefs import AcceptanceCheck, Brief
from domain.checks import ChatCheck, ChatTurn, Check, HttpCheck, HttpStep
from domain.plans import Plan, PlannedFile, as_markdown, as_shown, gaps, in_force


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


def asking(name: str, path: str, *, unseen: bool = False) -> HttpCheck:
    return HttpCheck(id=name, covers="a", title=name, steps=(HttpStep(path=path),), unseen=unseen)


def test_values_that_the_developer_sees_need_a_check_with_others_that_it_does_not_see() -> None:
    shown, other = asking("a1", "/double?of=2"), asking("a2", "/double?of=7", unseen=True)

    wanted = "no unseen check covers 'a': add one with `unseen` true that asks the same behaviour with other values"
    assert gaps(plan(shown), brief("a")) == (wanted,)
    assert gaps(plan(shown, other), brief("a")) == ()
    assert gaps(plan(asking("a1", "/")), brief("a")) == ()
    assert gaps(plan(shown), brief("a"), earlier=(other,)) == ()
    copy = asking("a3", "/double?of=2", unseen=True)
    assert gaps(plan(shown, copy), brief("a")) == ("unseen check 'a3' asks what a shown one asks: use other values",)


def test_the_developers_plan_is_without_the_unseen_checks() -> None:
    whole = plan(asking("a1", "/double?of=2"), asking("a2", "/double?of=7", unseen=True))

    assert [check.id for check in as_shown(whole).checks] == ["a1"]
    assert "a2" not in as_markdown(as_shown(whole))
    assert "`a2` (http, unseen, for `a`)" in as_markdown(whole)


def test_only_a_kind_with_a_chat_can_be_talked_to() -> None:
    talk = ChatCheck(id="t", covers="a", title="talk", turns=(ChatTurn(says="/start"),))

    assert gaps(plan(talk), brief("a"), chat=False) == ("web-service has no chat, so nothing can ask 't'",)
    assert gaps(plan(talk), brief("a"), chat=True) == ()


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
