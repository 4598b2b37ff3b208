"""What is said at GitHub: words that call nobody, remarks at the right lines, and no values of acceptance checks."""

import pytest

from domain.diagnoses import stopped
from domain.escalations import Answer
from domain.github_texts import check_of_push, check_of_report, one_line, quiet, secrets_wanted
from domain.outcomes import Accepted, Escalated, Rejected
from domain.rehearsals import SUITE
from domain.reports import CaseResult, Outcome, TestCase, TestReport


def failed(suite: str, details: str = "", name: str = "test_lists", message: str = "assert 1 == 2") -> TestCase:
    return TestCase(suite=suite, name=name, result=CaseResult.FAILED, message=message, details=details)


def report(*cases: TestCase) -> TestReport:
    return TestReport(outcome=Outcome.FAILED, cases=cases, summary="1 failed.", commit="c" * 40, log="secret of the log")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("thanks @anna, fixes #12", "thanks @\u200banna, fixes #\u200b12"),
        ("Closes gh-7, the high-7", "Closes gh-\u200b7, the high-7"),
        ("a@b and # alone", "a@\u200bb and # alone"),
        ("<img src=x>", "&lt;img src=x>"),
        ("red \x1b[31mtext\x1b[0m", "red text"),
    ],
)
def test_words_of_others_call_nobody_and_are_no_markup(said: str, shown: str) -> None:
    assert quiet(said) == shown


def test_line_stays_one_where_it_is_cut() -> None:
    assert one_line("a\nlong " * 20, 20) == "a long [... 120 characters cut ...] a long a long"


@pytest.mark.parametrize(
    ("case", "place"),
    [
        pytest.param(
            failed("tests.test_a", "tests/test_a.py:7: in f\ntests/test_a.py:9: AssertionError"),
            ("tests/test_a.py", 9),
            id="last-line",
        ),
        pytest.param(failed("tests.test_a.TestLists", "tests/test_a.py:4: AssertionError"), ("tests/test_a.py", 4), id="class"),
        pytest.param(failed("tests.test_a", "app/a.py:3: ValueError"), ("tests/test_a.py", 1), id="line-of-another-file"),
    ],
)
def test_remark_stands_where_the_test_failed(case: TestCase, place: tuple[str, int]) -> None:
    [annotation] = check_of_report("r-1", report(case)).annotations
    assert (annotation.path, annotation.line) == place
    assert (annotation.title, annotation.message) == ("test_lists", "assert 1 == 2")


def test_suite_that_is_no_module_has_no_remark() -> None:
    assert check_of_report("r-1", report(failed("../etc/passwd"))).annotations == ()


def test_push_that_waits_says_by_which_word_it_passes_and_a_red_one_shows_its_tests() -> None:
    waits = Escalated(reason="it changes app.json", cause="locked", evidence="+ @anna", digest="d" * 64)
    check = check_of_push("r-1", "c" * 40, waits)
    assert check is not None
    assert (check.conclusion, check.title, check.commit) == ("neutral", "it changes app.json", "c" * 40)
    assert check.summary.startswith("~~~~\n+ @anna\n~~~~\n")
    assert "`/slipway approve dddddddddddd`" in check.summary
    red = check_of_push(
        "r-1", "c" * 40, Escalated(reason="red", report=report(failed("tests.test_a")).model_copy(update={"commit": ""}))
    )
    assert red is not None
    assert (red.conclusion, red.commit, len(red.annotations)) == ("failure", "c" * 40, 1)


BUILT = Accepted(commit="c" * 40, candidate="sha256:1", report=report(), rounds=1, checks=())


def test_push_that_passed_and_did_not_go_online_says_so_and_shows_nothing_that_it_printed() -> None:
    unwell = Rejected(reason="it never answered /health for @anna", evidence="expected 4711")
    check = check_of_push("r-1", "c" * 40, (BUILT, unwell))
    assert check is not None
    assert (check.conclusion, check.title) == (
        "failure",
        "the tests passed, and it did not go online: it never answered /health for @\u200banna",
    )
    assert check.summary == check.title


def test_question_about_a_push_that_was_answered_by_no_is_no_question_any_more() -> None:
    asks = Escalated(reason="it changes app.json", cause="locked", digest="d" * 64)
    check = check_of_push("r-1", "c" * 40, stopped(asks, Answer(choice="stop", by="ann", door="cli")))
    assert check is not None
    assert (check.conclusion, check.title) == ("failure", "it changes app.json; ann stopped it")


def test_acceptance_check_tells_its_name_and_no_value() -> None:
    hidden = failed(SUITE, "expected 4711", name="keep: it is listed", message="expected 4711")
    check = check_of_report("r-1", report(hidden))
    assert (check.conclusion, check.annotations) == ("failure", ())
    assert "keep: it is listed" in check.summary
    assert "4711" not in check.summary
    assert "secret of the log" not in check.summary


def test_secrets_of_a_workflow_are_those_that_it_names() -> None:
    texts = ["env:\n  A: ${{ secrets.API_KEY }}\n  B: ${{secrets.API_KEY}}", "T: ${{ secrets.GITHUB_TOKEN }} $secrets.OTHER"]
    assert secrets_wanted(texts) == ("API_KEY",)
