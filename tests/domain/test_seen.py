"""What a run remembers of its tests, whatever its person was asked in between."""

from domain.dropped import KNOWN_SIZE, KnownTest, known_tests
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.seen import Seen


def report(*names: str, result: CaseResult = CaseResult.PASSED) -> TestReport:
    cases = tuple(TestCase(suite="tests.test_a", name=name, result=result) for name in names)
    return TestReport(outcome=Outcome.FAILED, cases=cases)


def test_tests_and_flaky_ones_of_all_rounds_are_remembered_once() -> None:
    seen = Seen().after(report("test_b[1]", "test_b[2]")).after(report("test_a", result=CaseResult.FLAKY))
    later = seen.after(report("test_b[1]", "test_c"))

    assert [(test.name, test.cases) for test in later.known] == [("test_b", 2), ("test_a", 1), ("test_c", 1)]
    assert later.flaky == ("tests.test_a::test_a",)
    assert later.after(report("test_a", result=CaseResult.FLAKY)) == later


def test_no_number_of_tests_outgrows_what_prefect_takes_as_a_parameter() -> None:
    many = report(*(f"test_{'é' * 50}_{number}" for number in range(5_000)))
    known = known_tests(many)

    assert 300 < len(known) < 5_000
    assert len(Seen(known=known).model_dump_json().encode("ascii", "backslashreplace")) < KNOWN_SIZE
    assert known[0] == KnownTest(suite="tests.test_a", name=f"test_{'é' * 50}_0")
