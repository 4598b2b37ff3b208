"""The same failure is the same in every round, and the developer is told enough, not more."""

import pytest

from domain.failures import FEEDBACK_LIMIT, feedback, normalised, signature
from domain.report_tables import as_markdown
from domain.reports import CaseResult, Outcome, TestCase, TestReport


def case(name: str = "test_a", message: str = "boom", details: str = "", result: CaseResult = CaseResult.FAILED) -> TestCase:
    return TestCase(suite="tests.test_app", name=name, result=result, message=message, details=details)


def failed(*cases: TestCase, outcome: Outcome = Outcome.FAILED, log: str = "", summary: str = "It failed.") -> TestReport:
    return TestReport(outcome=outcome, cases=cases, summary=summary, log=log)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("\x1b[31mboom\x1b[0m", "boom"),
        ("took 0.123s", "took 14 s"),
        ("at 2026-11-23T08:20:01.488357+00:00", "at 2025-01-01 00:00:00"),
        ("<Thing object at 0x7f01ab>", "<Thing object at 0x55ffee>"),
        ("connect to 127.0.0.1:43121 refused", "connect to 127.0.0.1:8011 refused"),
        ("http://localhost:1234/x", "http://localhost:54321/x"),
        ("id 6f1e2c1a-1111-4222-8333-abcdefabcdef gone", "id 00000000-1111-4222-8333-abcdefabcdef gone"),
        ("no such file /tmp/pytest-of-root/pytest-3/test_a0/db", "no such file /tmp/tmpab12/db"),
        ("app/main.py:12: KeyError", "app/main.py:140: KeyError"),
        ('File "a.py", line 3, in f', 'File "a.py", line 77, in f'),
        ("pid 4711 died", "pid 12 died"),
        ("Running in 3f2a1b9c0d1e", "Running in aaaabbbb1111"),
        ("a  b\n\n c", "a b c"),
        ("Date: Mon, 23 Nov 2026 08:35:06 GMT", "Date: Tue, 1 Dec 2026 18:00:00 GMT"),
    ],
)
def test_noise_does_not_make_a_failure_another(first: str, second: str) -> None:
    assert normalised(first) == normalised(second)
    assert signature(failed(case(message=first))) == signature(failed(case(message=second)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("assert 1 == 2", "assert 1 == 3"),
        ("status is 404, expected 200", "status is 500, expected 200"),
        ("KeyError: 'a'", "KeyError: 'b'"),
        ("no table notes", "no table items"),
    ],
)
def test_another_failure_is_another(first: str, second: str) -> None:
    assert signature(failed(case(message=first))) != signature(failed(case(message=second)))


def test_order_and_passed_cases_do_not_count() -> None:
    a, b, green = case("a"), case("b"), case("c", result=CaseResult.PASSED)

    assert signature(failed(a, b)) == signature(failed(green, b, a))
    assert signature(failed(a)) != signature(failed(a, b))
    assert signature(failed(a)) != signature(failed(a, outcome=Outcome.NOT_COLLECTED))


def test_a_build_is_known_by_its_last_lines_and_a_pass_has_no_signature() -> None:
    log = "Step 4/9\nERROR: No matching distribution found for nope==1\nreturned a non-zero code: 1"
    first = failed(outcome=Outcome.BUILD_FAILED, log=f"took 3.1s\n{log}")
    second = failed(outcome=Outcome.BUILD_FAILED, log=f"took 9.9s\n{log}")

    assert signature(first) == signature(second) != signature(failed(outcome=Outcome.BUILD_FAILED, log="other"))
    assert signature(TestReport(outcome=Outcome.PASSED)) == ""


def test_a_refusal_is_known_by_what_it_names_not_by_the_output() -> None:
    first = failed(outcome=Outcome.TESTS_MISSING, summary="test_a is gone", log="3 passed in 0.1s")
    later = failed(outcome=Outcome.TESTS_MISSING, summary="test_b is gone", log="3 passed in 0.1s")

    assert signature(first) != signature(later)
    assert signature(first) == signature(first.model_copy(update={"log": "4 passed in 0.2s"}))


def test_an_unseen_check_is_told_without_its_values() -> None:
    hidden = TestCase(
        suite="acceptance", name="b2: 7 miles", result=CaseResult.FAILED, message="is 7, expected 11", details="11", unseen=True
    )
    text = feedback(failed(hidden, summary="1 of 2 checks hold; not b2."))

    assert "## FAILED acceptance::b2\nThe app does not do what the Brief says" in text
    assert "7" not in text.replace("2", "")
    assert "11" not in text


def test_feedback_names_cases_messages_and_the_end_of_the_traceback() -> None:
    text = feedback(
        failed(case("test_one", "assert 1 == 2", "long\n" * 5_000 + "E  the end"), case("ok", result=CaseResult.PASSED))
    )

    assert text.startswith("Verdict: failed. It failed.\nCounts: 1 failed, 1 passed.")
    assert "## FAILED tests.test_app::test_one\nassert 1 == 2\n" in text
    assert text.endswith("E  the end")
    assert "characters cut" in text
    assert len(text) <= FEEDBACK_LIMIT


@pytest.mark.parametrize("number", [1, 7, 8, 9, 500])
def test_feedback_is_bounded_for_any_number_of_failures(number: int) -> None:
    cases = [case(f"test_{n}" * 20, "message " * 500, "details\n" * 3_000) for n in range(number)]

    text = feedback(failed(*cases, log="log " * 9_000, summary="s" * 300))

    assert len(text) <= FEEDBACK_LIMIT + 100
    assert f"{number} failed" in text
    if number > 8:
        assert f"{number - 8} more failed:" in text


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PASSED])
def test_every_outcome_without_cases_tells_the_end_of_the_log(outcome: Outcome) -> None:
    text = feedback(failed(outcome=outcome, log="noise\n" * 5_000 + "the cause"))

    assert text.startswith(f"Verdict: {outcome.value}.")
    assert text.endswith("the cause")
    assert len(text) <= FEEDBACK_LIMIT + 100


def test_feedback_shows_log_and_cases_when_the_cases_are_not_the_reason() -> None:
    text = feedback(failed(case("check"), outcome=Outcome.RUNNER_FAILED, log="segfault in runner"))

    assert "segfault in runner" in text
    assert "## FAILED tests.test_app::check" in text


def test_table_shows_failures_first_and_nothing_breaks_out_of_its_cell() -> None:
    nasty = case("a | b\n# head", "<img src=x> [x](http://evil) `code`")
    report = failed(case("fine", "", result=CaseResult.PASSED), nasty, log="</pre><script>")

    text = as_markdown(report)

    rows = [line for line in text.splitlines() if line.startswith("| ") and "suite" not in line]
    assert rows[0].startswith(
        "| ❌ failed | tests.test\\_app | a \\| b # head | &lt;img src=x&gt; \\[x\\](http://evil) \\`code\\` |"
    )
    assert rows[1].startswith("| ✅ passed |")
    assert "<script>" not in text


def test_table_counts_what_it_does_not_show() -> None:
    text = as_markdown(
        TestReport(outcome=Outcome.PASSED, cases=tuple(case(str(n), result=CaseResult.PASSED) for n in range(205)))
    )

    assert "5 more cases are not shown." in text
    assert text.startswith("# ✅ Tests: passed")
