"""What a test run showed: the one place where the line between a pass and everything else is drawn.

A pass needs all of it at once: the command ended by itself with 0, its report can be read, the report shows at
least one passed case and no failed one, and it hides none. Contradictions never pass.
"""

from domain.candidates import BuildFailed
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.trimming import tail
from domain.values import Value
from domain.workers import CommandResult

LOG_LIMIT = 6_000
"""Characters of a runner's or builder's output that a report keeps."""

_NO_TESTS_EXIT = 5
"""pytest, and unittest from Python 3.12 on: nothing was collected."""
_COLLECTION_EXITS = (2, 4)
"""pytest: interrupted by collection errors; a conftest that cannot be imported or a test path that is not there."""
_NOT_COLLECTED = (
    "collection failure",
    "Test suite failed to run",
    "Failed to import test module",
    "unittest.loader._FailedTest",
)
"""How pytest, jest and unittest name a test file that could not be loaded."""


class ParsedReports(Value):
    """All JUnit files of one test run, read."""

    files: int = 0
    cases: tuple[TestCase, ...] = ()
    malformed: str = ""
    """Why a file could not be used, with its name; empty when all could."""
    hidden: int = 0
    """Failures that a suite's own count declares beyond those that it shows."""


def verdict(run: CommandResult, reports: ParsedReports, *, candidate: str, commit: str) -> TestReport:
    """Decide what the test command and its reports together mean."""
    outcome, summary = _decide(run, reports)
    return TestReport(
        outcome=outcome,
        cases=reports.cases,
        summary=summary,
        log=tail(run.text, LOG_LIMIT),
        seconds=run.seconds,
        candidate=candidate,
        commit=commit,
    )


def report_of_build(failed: BuildFailed, commit: str) -> TestReport:
    """Turn a failed build into the Tester's verdict."""
    outcome = Outcome.TIMED_OUT if failed.timed_out else Outcome.BUILD_FAILED
    what = "did not end in time" if failed.timed_out else "failed"
    summary = f"The build of the candidate {what} after {failed.seconds:.0f} s."
    return TestReport(outcome=outcome, summary=summary, log=tail(failed.log, LOG_LIMIT), seconds=failed.seconds, commit=commit)


def refused_report(commit: str, paths: tuple[str, ...]) -> TestReport:
    """Return the verdict on a change that touches platform files: it is not built at all."""
    listed = ", ".join(paths)
    summary = f"The change touches files that belong to the platform: {listed}. Put them back as they were."
    return TestReport(outcome=Outcome.LOCKED_FILES, summary=summary, commit=commit)


def untaken_report(commit: str, why: str) -> TestReport:
    """Return the verdict on a workspace of which nothing could be committed; `commit` is what it began with."""
    return TestReport(outcome=Outcome.NOT_TAKEN, summary=f"Nothing of the work was taken: {why}.", commit=commit)


def refused(report: TestReport, outcome: Outcome, summary: str) -> TestReport:
    """Turn a green report into a refusal that says why; what it showed stays."""
    return report.model_copy(update={"outcome": outcome, "summary": summary})


def tampered_report(commit: str, findings: tuple[str, ...]) -> TestReport:
    """Return the verdict on a commit that bends its own tests: it is not built at all."""
    listed = "; ".join(findings[:20])
    return TestReport(outcome=Outcome.TESTS_TAMPERED, summary=f"The tests cannot be believed: {listed}.", commit=commit)


def combined(tests: TestReport, acceptance: TestReport) -> TestReport:
    """Join both halves of a trial into one report: a pass only when both are; else the outcome of the first that is none."""
    first = tests if not tests.passed else acceptance
    return TestReport(
        outcome=first.outcome,
        cases=(*tests.cases, *acceptance.cases),
        summary=f"Tests: {tests.summary} Acceptance: {acceptance.summary}",
        log=first.log,
        notes=(*tests.notes, *acceptance.notes),
        seconds=max(tests.seconds, acceptance.seconds),
        candidate=tests.candidate,
        commit=tests.commit,
    )


def counts(cases: tuple[TestCase, ...]) -> str:
    """Say how many cases ended how, like `2 failed, 1 passed`."""
    shown = [(result, sum(case.result is result for case in cases)) for result in _ORDER]
    return ", ".join(f"{number} {result}" for result, number in shown if number) or "no test case"


def failed_cases(report: TestReport) -> tuple[TestCase, ...]:
    return tuple(case for case in report.cases if case.result in (CaseResult.FAILED, CaseResult.ERROR, CaseResult.FLAKY))


_ORDER = (CaseResult.FAILED, CaseResult.ERROR, CaseResult.FLAKY, CaseResult.PASSED, CaseResult.SKIPPED)


def _decide(run: CommandResult, reports: ParsedReports) -> tuple[Outcome, str]:
    cases = reports.cases
    if run.out_of_memory:
        return Outcome.OUT_OF_MEMORY, f"The test run used up its memory after {run.seconds:.0f} s ({counts(cases)})."
    if run.timed_out:
        return Outcome.TIMED_OUT, f"The test run did not end in time and was stopped after {run.seconds:.0f} s."
    if reports.malformed:
        return Outcome.REPORT_MALFORMED, f"The test report cannot be used: {reports.malformed}."
    if not reports.files:
        return _without_report(run)
    if not cases:
        return _without_cases(run)
    return _with_cases(run, reports)


def _without_report(run: CommandResult) -> tuple[Outcome, str]:
    code = run.exit_code
    if code == _NO_TESTS_EXIT:
        return Outcome.NO_TESTS, "No test was found (exit code 5)."
    if code in _COLLECTION_EXITS and "conftest" in run.text:
        return Outcome.NOT_COLLECTED, f"The tests could not be loaded (exit code {code})."
    if code < 0 or code >= 126:  # 126, 127: not runnable, not found; above: ended by a signal (POSIX 2.8.2)
        return Outcome.RUNNER_FAILED, f"The test command ended with exit code {code} and wrote no report."
    return Outcome.REPORT_MISSING, f"The test command ended with exit code {code} and wrote no report into $REPORTS_DIR."


def _without_cases(run: CommandResult) -> tuple[Outcome, str]:
    code = run.exit_code
    if code in (0, _NO_TESTS_EXIT):
        return Outcome.NO_TESTS, "The report holds no test case."
    if code in _COLLECTION_EXITS:
        return Outcome.NOT_COLLECTED, f"The tests could not be loaded (exit code {code})."
    return Outcome.RUNNER_FAILED, f"The report holds no test case and the test command ended with exit code {code}."


def _with_cases(run: CommandResult, reports: ParsedReports) -> tuple[Outcome, str]:
    cases, code = reports.cases, run.exit_code
    unloaded = [case for case in cases if _is_unloaded(case)]
    if unloaded:
        named = ", ".join(case.name or case.suite for case in unloaded[:5])
        return Outcome.NOT_COLLECTED, f"{len(unloaded)} test file(s) could not be loaded: {named}."
    if any(case.result in (CaseResult.FAILED, CaseResult.ERROR) for case in cases):
        doubt = " The test command ended with exit code 0 all the same." if code == 0 else ""
        return Outcome.FAILED, f"{_sentence(cases)}{doubt}"
    return _without_failures(run, reports)


def _without_failures(run: CommandResult, reports: ParsedReports) -> tuple[Outcome, str]:
    """Decide when no case failed: whatever else speaks against a pass is believed."""
    cases, code = reports.cases, run.exit_code
    flaky = [case.name for case in cases if case.result is CaseResult.FLAKY]
    if flaky:
        named = ", ".join(flaky[:5])
        return Outcome.FLAKY, f"{_sentence(cases)} These passed only when they were run again: {named}."
    if reports.hidden:
        return Outcome.RUNNER_FAILED, f"The report counts {reports.hidden} failure(s) that it does not show."
    if code != 0:
        why = f"No case failed, but the test command ended with exit code {code}"
        return Outcome.RUNNER_FAILED, f"{why} ({counts(cases)})."
    if not any(case.result is CaseResult.PASSED for case in cases):
        return Outcome.NO_TESTS, f"No test really ran: {counts(cases)}."
    return Outcome.PASSED, _sentence(cases)


def _is_unloaded(case: TestCase) -> bool:
    if case.result not in (CaseResult.FAILED, CaseResult.ERROR):
        return False
    return any(sign in text for sign in _NOT_COLLECTED for text in (case.suite, case.name, case.message))


def _sentence(cases: tuple[TestCase, ...]) -> str:
    number = len(cases)
    if all(case.result is CaseResult.PASSED for case in cases):
        return f"All {number} tests passed." if number > 1 else "The one test passed."
    return f"{counts(cases)}, of {number} test{'' if number == 1 else 's'}."
