"""The Tester's verdict as values. What counts as which outcome is decided in `domain/verdicts.py`."""

from enum import StrEnum

from domain.values import Value


class Outcome(StrEnum):
    """How a test run ended. Only PASSED is a pass."""

    PASSED = "passed"
    FAILED = "failed"
    NO_TESTS = "no tests"
    NOT_COLLECTED = "tests not collected"
    BUILD_FAILED = "build failed"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    REPORT_MISSING = "report missing"
    REPORT_MALFORMED = "report malformed"
    RUNNER_FAILED = "runner failed"
    LOCKED_FILES = "locked files changed"


class CaseResult(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


class TestCase(Value):
    """One test case. `message` and `details` are trimmed, without terminal escapes."""

    __test__ = False

    suite: str = ""
    name: str
    result: CaseResult
    seconds: float = 0.0
    message: str = ""
    details: str = ""


class TestReport(Value):
    """What one test run of one candidate showed."""

    __test__ = False

    outcome: Outcome
    cases: tuple[TestCase, ...] = ()
    summary: str = ""
    """One sentence for people."""
    log: str = ""
    """End of the runner's or builder's output, trimmed."""
    seconds: float = 0.0
    candidate: str = ""
    """Image digest, or content hash of a prepared folder; empty when the build failed."""
    commit: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED

    def count(self, *results: CaseResult) -> int:
        return sum(case.result in results for case in self.cases)
