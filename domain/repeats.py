"""Flaky tests: those that failed once and passed once on the same image. They are named, and count as no pass."""

from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.verdicts import ParsedReports, counts

_RED = (CaseResult.FAILED, CaseResult.ERROR)
ADVICE = "the same image gave both results: look for time, order, randomness, threads, ports, and what a test leaves behind"


def compared(report: TestReport, again: ParsedReports) -> TestReport:
    """Return the report after a second run of the same image: cases that changed their mind are flaky.

    A report whose only reds are flaky is no failure of the app, and no pass either.
    """
    cases = tuple(_compared(case, _results(again)) for case in report.cases)
    flaky = [case for case in cases if case.result is CaseResult.FLAKY]
    if not flaky:
        return report
    red = any(case.result in _RED for case in cases)
    named = ", ".join(case.name for case in flaky[:5])
    outcome = Outcome.FAILED if red else Outcome.FLAKY
    summary = f"{counts(cases)}, of {len(cases)} tests; flaky: {named}."
    return report.model_copy(update={"outcome": outcome, "cases": cases, "summary": summary})


def flaky_names(report: TestReport) -> tuple[str, ...]:
    """Name the flaky tests, also those that the runner itself repeated until they passed."""
    return tuple(
        f"{case.suite}::{case.name}" if case.suite else case.name for case in report.cases if case.result is CaseResult.FLAKY
    )


def _results(again: ParsedReports) -> dict[tuple[str, str], set[CaseResult]]:
    found: dict[tuple[str, str], set[CaseResult]] = {}
    for case in again.cases:
        found.setdefault((case.suite, case.name), set()).add(case.result)
    return found


def _compared(case: TestCase, second: dict[tuple[str, str], set[CaseResult]]) -> TestCase:
    """Compare by name; of several cases with one name it cannot be said which is which, so they stay as they are."""
    results = second.get((case.suite, case.name), set())
    if len(results) != 1:
        return case
    changed = (case.result in _RED and CaseResult.PASSED in results) or (
        case.result is CaseResult.PASSED and bool(results & set(_RED))
    )
    if not changed:
        return case
    said = f"{case.message} ({ADVICE})" if case.message else ADVICE
    return case.model_copy(update={"result": CaseResult.FLAKY, "message": said})
