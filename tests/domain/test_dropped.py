"""Which tests count as missing, and what a reason changes."""

from datetime import UTC, datetime

from domain.dropped import KnownTest, known_tests, proved_report, with_missing
from domain.failures import feedback
from domain.proofs import SignedProof, proved_cases
from domain.report_tables import as_markdown
from domain.reports import CaseResult, DroppedTest, Outcome, TestCase, TestReport

REASON = "The route that it tested was replaced by another."


def case(name: str, suite: str = "tests.test_notes", result: CaseResult = CaseResult.PASSED, message: str = "") -> TestCase:
    return TestCase(suite=suite, name=name, result=result, message=message)


def report(*cases: TestCase, outcome: Outcome = Outcome.PASSED) -> TestReport:
    return TestReport(outcome=outcome, cases=cases, summary="All fine.")


def skipped(name: str) -> TestCase:
    return case(name, result=CaseResult.SKIPPED, message="later")


BEFORE = known_tests(report(case("test_lists"), case("test_keeps"), case("test_sorts[a]"), case("test_sorts[b]")))


def test_what_is_known_are_the_own_tests_that_ran_in_any_report() -> None:
    broken = (
        case("setUpClass (tests.T)", result=CaseResult.ERROR),
        case("tests.test_b", "", CaseResult.ERROR),
        case("test_fixture", result=CaseResult.ERROR),
    )
    red = report(case("test_lists"), case("test_new", result=CaseResult.FAILED), skipped("test_skipped"), *broken)
    unloaded = report(case("Test suite failed to run", result=CaseResult.ERROR), outcome=Outcome.NOT_COLLECTED)
    checks = report(case("keep-http: kept", suite="acceptance"), case("test_lists"))

    assert known_tests(red, checks, unloaded) == tuple(
        KnownTest(suite="tests.test_notes", name=name) for name in ("test_lists", "test_new", "test_fixture")
    )


def test_tests_of_the_base_are_those_of_its_proof() -> None:
    cases = (case("test_lists"), skipped("test_later"), case("keep-http: kept", suite="acceptance"))
    _, own = proved_cases(report(*cases))
    body = {"commit": "a" * 40, "tests": [each.model_dump(mode="json") for each in own]}
    proofs = [SignedProof(run="r-1", body=body, signature="", created=datetime(2026, 1, 1, tzinfo=UTC))]

    assert [str(test) for test in known_tests(proved_report("a" * 40, proofs))] == ["tests.test_notes::test_lists"]
    assert known_tests(proved_report("b" * 40, proofs)) == ()


def test_tests_that_are_gone_shrunk_or_skipped_are_named_and_refused() -> None:
    judged = with_missing(report(case("test_sorts[a]"), skipped("test_keeps")), BEFORE, ())

    assert judged.outcome is Outcome.TESTS_MISSING
    assert judged.summary == (
        "3 tests do not run, and no reason was given: tests.test_notes::test_lists is gone; "
        "tests.test_notes::test_sorts has 1 of 2 cases left; tests.test_notes::test_keeps is skipped (later)."
    )
    assert "`dropped` of your handover" in feedback(judged)


def test_nothing_is_missing_when_all_ran_under_the_same_or_a_new_roof() -> None:
    moved = (case("test_lists"), case("test_keeps", "tests.test_store"), case("test_sorts[x]"), case("test_sorts[y]"))

    assert with_missing(report(*moved), BEFORE, ()).passed


def test_a_name_that_stood_elsewhere_before_does_not_stand_for_the_one_that_is_gone() -> None:
    before = known_tests(report(case("test_a", "one"), case("test_a", "two")))

    assert with_missing(report(case("test_a", "two")), before, ()).outcome is Outcome.TESTS_MISSING


def test_with_a_reason_for_each_the_report_stays_green_and_a_person_reads_them() -> None:
    dropped = [
        DroppedTest(name="tests/test_notes.py::test_lists", reason=REASON),
        DroppedTest(name="test_keeps", reason="It needs a printer, which the Tester does not have."),
    ]
    judged = with_missing(report(case("test_sorts[a]"), case("test_sorts[b]"), skipped("test_keeps")), BEFORE, dropped)

    assert judged.passed
    assert judged.notes[0] == f"tests.test_notes::test_lists is gone: {REASON}"
    assert "needs a printer" in judged.notes[1]
    assert "- tests.test\\_notes::test\\_lists is gone" in as_markdown(judged)


def test_a_reason_for_another_test_explains_nothing() -> None:
    near = [DroppedTest(name="lists", reason=REASON), DroppedTest(name="other::test_lists", reason=REASON)]

    judged = with_missing(report(case("test_keeps"), case("test_sorts[a]"), case("test_sorts[b]")), BEFORE, near)

    assert judged.outcome is Outcome.TESTS_MISSING
    assert judged.summary.startswith("1 test does not run, and no reason was given: tests.test_notes::test_lists")


def test_a_report_that_is_red_keeps_its_own_reason() -> None:
    red = report(case("test_lists", result=CaseResult.FAILED), outcome=Outcome.FAILED)

    assert with_missing(red, BEFORE, ()) == red


def test_names_with_blanks_as_other_runners_write_them_are_understood() -> None:
    before = known_tests(report(case("adds two numbers", "sum"), case("subtracts", "sum")))
    dropped = [DroppedTest(name="sum::adds two numbers", reason=REASON)]

    assert with_missing(report(case("subtracts", "sum")), before, dropped).passed


def test_a_summary_of_many_missing_tests_is_bounded() -> None:
    many = known_tests(report(*(case(f"test_{number}") for number in range(500))))

    judged = with_missing(report(case("test_0")), many, ())

    assert judged.summary.endswith("and 479 more.")
    assert len(judged.summary) < 2_000
