"""What the second run, with two tests of our own in it, says about the first."""

import pytest

from domain.canaries import Canary, canary, objection
from domain.reports import CaseResult, TestCase
from domain.verdicts import ParsedReports
from domain.workers import CommandResult

PYTEST = 'python -m pytest -q --junitxml="$REPORTS_DIR/junit.xml"'
PLANTED = Canary(path="tests/test_1.py", content="", passes="test_good", fails="test_bad")


def case(name: str, result: CaseResult = CaseResult.PASSED, suite: str = "tests.test_a") -> TestCase:
    return TestCase(suite=suite, name=name, result=result)


GOOD, BAD = case("test_good"), case("test_bad", CaseResult.FAILED)


def test_canary_stands_beside_a_test_file_that_was_run() -> None:
    paths = ("README.md", "app/main.py", "old/test_old.py", "tests/unit/test_notes.py")

    planted = canary(PYTEST, paths, [case("test_x", suite="tests.unit.test_notes.TestNotes")], "0badcafe")

    assert planted is not None
    assert planted.path == "tests/unit/test_0badcafe.py"
    assert planted.passes != planted.fails
    namespace: dict[str, object] = {}
    exec(planted.content, namespace)  # noqa: S102  our own two tests
    namespace[planted.passes]()  # type: ignore[operator]
    with pytest.raises(AssertionError):
        namespace[planted.fails]()  # type: ignore[operator]


def test_two_canaries_have_no_name_in_common() -> None:
    first, second = (canary(PYTEST, (), (), token) for token in ("00000001", "00000002"))

    assert first is not None
    assert second is not None
    assert not {first.passes, first.fails, first.path} & {second.passes, second.fails, second.path}


@pytest.mark.parametrize("command", ["node --test", "npm test", "true", "./pytestlike"])
def test_runners_that_we_cannot_write_for_get_none(command: str) -> None:
    assert canary(command, ("tests/test_a.py",), (), "00000001") is None


@pytest.mark.parametrize(
    ("code", "reports", "wanted"),
    [
        (1, ParsedReports(files=1, cases=(GOOD, BAD)), None),
        (1, ParsedReports(files=1, cases=(GOOD, BAD, case("test_own", CaseResult.FAILED))), None),
        (1, ParsedReports(), "no readable report"),
        (1, ParsedReports(files=1, cases=(GOOD, BAD), malformed="broken"), "no readable report"),
        (0, ParsedReports(files=1, cases=(case("test_own"),)), "are not in it"),
        (1, ParsedReports(files=1, cases=(GOOD, case("test_bad"))), "must fail is not shown as failed"),
        (1, ParsedReports(files=1, cases=(GOOD,)), "must fail is not shown as failed"),
        (1, ParsedReports(files=1, cases=(case("test_good", CaseResult.SKIPPED), BAD)), "must pass is not shown as passed"),
        (0, ParsedReports(files=1, cases=(GOOD, BAD)), "ended with exit code 0 although"),
    ],
)
def test_what_the_report_conceals_is_said(code: int, reports: ParsedReports, wanted: str | None) -> None:
    said = objection(PLANTED, CommandResult(exit_code=code), reports)

    assert said is None if wanted is None else said and wanted in said
