"""The Tester's verdict as values. What counts as which outcome is decided in `domain/verdicts.py`."""

from enum import StrEnum

from pydantic import Field

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
    NOT_TAKEN = "work not taken"
    """The workspace holds what cannot be committed: links that leave it, pipes, too much."""
    TESTS_TAMPERED = "tests tampered with"
    """The commit bends how tests are found, run or reported, or holds tests that can never fail."""
    TESTS_MISSING = "tests missing"
    """Tests are gone or skipped, and nobody said why."""
    REPORT_FORGED = "report forged"
    """The report does not say what the tests do."""
    FLAKY = "flaky tests"
    """The only tests that failed are such that passed on the same image, too."""
    TESTS_BLIND = "tests notice nothing"
    """Faults were put into the change, and next to none was noticed."""


class CaseResult(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    FLAKY = "flaky"
    """Failed once and passed once on the same image: neither a pass nor a failure."""


class TestCase(Value):
    """One test case. `message` and `details` are trimmed, without terminal escapes."""

    __test__ = False

    suite: str = ""
    name: str
    result: CaseResult
    seconds: float = 0.0
    message: str = ""
    details: str = ""
    unseen: bool = False
    """A check that the developer does not see: it is told that the behaviour is wrong, not which values were used."""


class DroppedTest(Value):
    """A test that was there and is no longer run, with the reason that the developer gives for it."""

    name: str = Field(min_length=1, max_length=300, description="As the Tester names it, like tests.test_notes::test_lists")
    reason: str = Field(min_length=10, max_length=500, description="Why nothing is lost without it, for people")


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
    notes: tuple[str, ...] = ()
    """What a person or reviewer should look at although it is no failure: tests that were given up, with the reasons."""
    candidate: str = ""
    """Image digest, or content hash of a prepared folder; empty when the build failed."""
    commit: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED

    def count(self, *results: CaseResult) -> int:
        return sum(case.result in results for case in self.cases)
