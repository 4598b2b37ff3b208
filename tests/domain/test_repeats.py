"""Flaky tests: what two runs of one image say together."""

import pytest

from domain.repeats import compared, flaky_names
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.verdicts import ParsedReports

PASSED, FAILED, ERROR, SKIPPED, FLAKY = (
    CaseResult.PASSED,
    CaseResult.FAILED,
    CaseResult.ERROR,
    CaseResult.SKIPPED,
    CaseResult.FLAKY,
)


def cases(*results: CaseResult) -> tuple[TestCase, ...]:
    return tuple(TestCase(suite="t", name=f"test_{number}", result=result) for number, result in enumerate(results))


@pytest.mark.parametrize(
    ("first", "second", "wanted", "outcome"),
    [
        ((PASSED, FAILED), (PASSED, PASSED), (PASSED, FLAKY), Outcome.FLAKY),
        ((PASSED, ERROR), (PASSED, PASSED), (PASSED, FLAKY), Outcome.FLAKY),
        ((FAILED, FAILED), (FAILED, PASSED), (FAILED, FLAKY), Outcome.FAILED),
        ((PASSED, PASSED), (PASSED, FAILED), (PASSED, FLAKY), Outcome.FLAKY),
        ((PASSED, FAILED), (PASSED, FAILED), (PASSED, FAILED), Outcome.FAILED),
        ((PASSED, FAILED), (), (PASSED, FAILED), Outcome.FAILED),
        ((PASSED, SKIPPED), (PASSED, PASSED), (PASSED, SKIPPED), Outcome.PASSED),
    ],
)
def test_a_case_that_changes_its_mind_is_flaky_and_no_pass(
    first: tuple[CaseResult, ...], second: tuple[CaseResult, ...], wanted: tuple[CaseResult, ...], outcome: Outcome
) -> None:
    before = Outcome.FAILED if FAILED in first or ERROR in first else Outcome.PASSED
    report = compared(TestReport(outcome=before, cases=cases(*first)), ParsedReports(files=1, cases=cases(*second)))
    assert tuple(case.result for case in report.cases) == wanted
    assert report.outcome is outcome


def test_flaky_tests_are_named() -> None:
    report = compared(
        TestReport(outcome=Outcome.FAILED, cases=cases(PASSED, FAILED)), ParsedReports(cases=cases(PASSED, PASSED))
    )
    assert flaky_names(report) == ("t::test_1",)
    assert "1 flaky" in report.summary
    assert "test_1" in report.summary


def test_of_several_cases_with_one_name_none_is_called_flaky() -> None:
    twins = tuple(TestCase(suite="t", name="same", result=result) for result in (PASSED, FAILED))
    report = TestReport(outcome=Outcome.FAILED, cases=twins)
    assert compared(report, ParsedReports(cases=twins)) == report
