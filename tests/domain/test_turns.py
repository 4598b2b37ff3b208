"""Whose turn it is after a round, from tables of rounds."""

import pytest

from domain.mutants import Fate, Mutant, MutationRun, Tried
from domain.outcomes import Abandoned
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.reviews import Finding, Review
from domain.turns import Back, Judged, Stop, Take, after_giving_up, examined, next_move, reservations


def red(number: int, said: str, outcome: Outcome = Outcome.FAILED, result: CaseResult = CaseResult.FAILED) -> Judged:
    case = TestCase(suite="tests.test_notes", name="test_lists", result=result, message=said)
    report = TestReport(outcome=outcome, cases=(case,), summary="1 failed", commit="c" * 40)
    return Judged(number=number, commit=f"{number}" * 40, report=report)


def ran(*fates: Fate) -> MutationRun:
    mutants = [
        Mutant(path="app/a.py", line=line, kind="call taken out", before="save()", after="pass") for line in range(1, 30)
    ]
    return MutationRun(
        tried=tuple(Tried(mutant=mutant, fate=fate) for mutant, fate in zip(mutants, fates, strict=False)), possible=30
    )


BLOCKING = Finding(path="app/a.py", line=7, severity="blocking", sentence="The title is not escaped: escape it.")
ADVICE = BLOCKING.model_copy(update={"severity": "advice"})
KILLED: list[Fate] = ["killed"] * 5
SURVIVED: list[Fate] = ["survived"] * 6
LOST = ran("survived", *KILLED)
SOLID = ran(*KILLED)


def green(number: int, mutation: MutationRun = SOLID, *findings: Finding) -> Judged:
    report = TestReport(outcome=Outcome.PASSED, summary="All 3 tests passed.", candidate="sha256:1")
    judged = Judged(number=number, commit=f"{number}" * 40, report=report)
    return examined(judged, mutation, Review(findings=findings))


def test_a_pass_with_nothing_to_say_is_taken() -> None:
    assert next_move([green(1)], 3) == Take(judged=green(1))
    assert next_move([green(1, SOLID, ADVICE)], 3) == Take(judged=green(1, SOLID, ADVICE))


def test_red_tests_go_back_with_the_report() -> None:
    move = next_move([red(1, "1 != 2")], 3)
    assert isinstance(move, Back)
    assert "1 != 2" in move.feedback


def test_the_same_failure_twice_and_the_last_round_end_it() -> None:
    twice = next_move([red(1, "1 != 2"), red(2, "1 != 2")], 3)
    assert isinstance(next_move([red(1, "1 != 2"), red(2, "1 != 2")], 3, stubborn=True), Back)
    spent = next_move([red(1, "1 != 2"), red(2, "1 != 3"), red(3, "1 != 4")], 3)
    assert isinstance(twice, Stop)
    assert isinstance(spent, Stop)
    assert (twice.cause, spent.cause) == ("same_failure", "rounds_spent")
    assert "1 != 4" in spent.evidence


def test_tests_that_stay_flaky_are_told_as_such() -> None:
    flaky = [red(number, "timing", Outcome.FLAKY, CaseResult.FLAKY) for number in (1, 2)]
    first, second = next_move(flaky[:1], 3), next_move(flaky, 3)
    assert isinstance(first, Back)
    assert "FLAKY tests.test_notes::test_lists" in first.feedback
    assert isinstance(second, Stop)
    assert second.cause == "flaky"


def test_survivors_go_back_once_with_line_original_and_mutant() -> None:
    rounds = [green(1, LOST)]
    move = next_move(rounds, 3)
    assert isinstance(move, Back)
    assert "app/a.py:1" in move.feedback
    assert "save()" in move.feedback
    assert "mutant: pass" in move.feedback
    assert next_move([*rounds, green(2, LOST)], 3) == Take(judged=green(2, LOST))


def test_blocking_findings_go_back_once_and_are_told_afterwards() -> None:
    rounds = [green(1, SOLID, BLOCKING)]
    move = next_move(rounds, 3)
    assert isinstance(move, Back)
    assert "app/a.py:7: The title is not escaped" in move.feedback
    taken = next_move([*rounds, green(2, SOLID, BLOCKING)], 3)
    assert isinstance(taken, Take)
    assert "The title is not escaped" in reservations(taken.judged)[0]


def test_a_test_that_was_given_up_is_told_to_the_person_with_its_reason() -> None:
    judged = green(1)
    noted = judged.model_copy(update={"report": judged.report.model_copy(update={"notes": ("t::test_a is gone: no miles",)})})

    assert reservations(noted) == ("a test was given up: t::test_a is gone: no miles",)


def test_one_kind_of_complaint_does_not_use_up_the_other() -> None:
    move = next_move([green(1, LOST), green(2, LOST, BLOCKING)], 3)
    assert isinstance(move, Back)
    assert "not escaped" in move.feedback
    assert "mutant:" not in move.feedback


def test_a_complaint_goes_back_after_the_last_round_too_and_then_no_more() -> None:
    rounds = [red(1, "a"), red(2, "b"), green(3, LOST)]
    assert isinstance(next_move(rounds, 3), Back)
    assert next_move([*rounds, green(4, LOST, BLOCKING)], 3) == Take(judged=green(4, LOST, BLOCKING))


def test_what_was_green_is_taken_when_mending_it_fails() -> None:
    rounds = [red(1, "a"), green(2, LOST), red(3, "b")]
    assert next_move(rounds, 3) == Take(judged=green(2, LOST))
    assert isinstance(next_move(rounds, 4), Back)
    assert after_giving_up(rounds[:2], Abandoned(reason="gave up", detail="no")) == Take(judged=green(2, LOST))


@pytest.mark.parametrize(("reason", "cause"), [("gave up", "gave_up"), ("out of budget", "budget"), ("out of steps", "stuck")])
def test_a_developer_that_stops_before_anything_was_green_needs_a_person(reason: str, cause: str) -> None:
    move = after_giving_up([red(1, "a")], Abandoned(reason=reason, detail="why"))
    assert move == Stop(reason=f"the developer stopped: {reason}", cause=cause, evidence="why")


def test_tests_that_notice_nothing_are_no_pass_and_twice_end_it() -> None:
    blind = [green(number, ran(*SURVIVED)) for number in (1, 2)]
    assert blind[0].report.outcome is Outcome.TESTS_BLIND
    first, second = next_move(blind[:1], 3), next_move(blind, 3)
    assert isinstance(first, Back)
    assert "prove nothing" in first.feedback
    assert "app/a.py:1" in first.feedback
    assert isinstance(second, Stop)
