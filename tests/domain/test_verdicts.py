"""The line between a pass and everything else, on the bytes that fooled people."""

import io
from pathlib import Path

import pytest

from domain.candidates import BuildFailed
from domain.reports import CaseResult, Outcome, TestCase
from domain.verdicts import (
    ParsedReports,
    combined,
    counts,
    refused_report,
    report_of_build,
    verdict,
)
from domain.workers import CommandResult
from tasks.junit import parse

SAMPLES = Path(__file__).parents[1] / "tasks" / "junit"
GREEN = b"<testsuite tests='1'><testcase classname='t' name='a'/></testsuite>"
RED = b"<testsuite tests='1' failures='1'><testcase name='a'><failure message='no'/></testcase></testsuite>"


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.xml").read_bytes()


def outcome(
    exit_code: int, *files: bytes, output: bytes = b"", timed_out: bool = False, out_of_memory: bool = False
) -> Outcome:
    run = CommandResult(exit_code=exit_code, stdout=output, seconds=1.5, timed_out=timed_out, out_of_memory=out_of_memory)
    reports = parse((f"{n}.xml", io.BytesIO(data)) for n, data in enumerate(files))
    report = verdict(run, reports, candidate="sha256:1", commit="c" * 40)
    assert report.summary
    assert report.passed is (report.outcome is Outcome.PASSED)
    return report.outcome


@pytest.mark.parametrize(
    ("exit_code", "files", "wanted"),
    [
        (0, ["pytest_ok"], Outcome.PASSED),
        (0, ["surefire"], Outcome.FAILED),
        (1, ["pytest_fail"], Outcome.FAILED),
        (0, ["pytest_fail"], Outcome.FAILED),
        (0, ["pytest_ok", "pytest_fail"], Outcome.FAILED),
        (2, ["pytest_collection_failure"], Outcome.NOT_COLLECTED),
        (1, ["pytest_ok", "pytest_collection_failure"], Outcome.NOT_COLLECTED),
        (1, ["unittest_not_loaded"], Outcome.NOT_COLLECTED),
        (1, ["jest_suite_error"], Outcome.NOT_COLLECTED),
        (5, ["pytest_none"], Outcome.NO_TESTS),
        (0, ["pytest_none"], Outcome.NO_TESTS),
        (4, ["pytest_none"], Outcome.NOT_COLLECTED),
        (3, ["pytest_none"], Outcome.RUNNER_FAILED),
        (0, ["pytest_skip"], Outcome.NO_TESTS),
        (1, ["pytest_ok"], Outcome.RUNNER_FAILED),
        (137, ["pytest_ok"], Outcome.RUNNER_FAILED),
        # pytest.exit(returncode=0) after the first of three tests: exit code 0, one green case, counts agree
        (0, ["pytest_exit_zero_in_the_middle"], Outcome.FAILED),
        (2, ["pytest_exit_in_the_middle"], Outcome.FAILED),
        (1, ["node_test"], Outcome.FAILED),
    ],
)
def test_what_real_runs_mean(exit_code: int, files: list[str], wanted: Outcome) -> None:
    assert outcome(exit_code, *(sample(name) for name in files)) is wanted


@pytest.mark.parametrize(
    ("exit_code", "files", "output", "wanted"),
    [
        (0, [], b"3 passed in 0.1s", Outcome.REPORT_MISSING),  # os._exit(0) in a test, or a runner that writes no XML
        (1, [], b"", Outcome.REPORT_MISSING),
        (4, [], b"ImportError while loading conftest '/app/conftest.py'.", Outcome.NOT_COLLECTED),
        (5, [], b"no tests ran", Outcome.NO_TESTS),
        (127, [], b"sh: 1: pytest: not found", Outcome.RUNNER_FAILED),
        (139, [], b"Segmentation fault", Outcome.RUNNER_FAILED),
        (-1, [], b"", Outcome.RUNNER_FAILED),
        (0, [GREEN], b"", Outcome.PASSED),
        (0, [GREEN, b""], b"", Outcome.REPORT_MALFORMED),
        (0, [GREEN[:40]], b"", Outcome.REPORT_MALFORMED),
        (0, [b"<!DOCTYPE t []>" + GREEN], b"", Outcome.REPORT_MALFORMED),
        (1, [b"<html/>"], b"", Outcome.REPORT_MALFORMED),
        (0, [b"<testsuites/>"], b"", Outcome.NO_TESTS),
        (0, [b"<testsuite tests='9' failures='0'/>"], b"", Outcome.NO_TESTS),
        (0, [b"<testsuite failures='1'><testcase name='a'/></testsuite>"], b"", Outcome.RUNNER_FAILED),
        (0, [b"<testsuite><testcase name='a' status='failed'/></testsuite>"], b"", Outcome.FAILED),
        (0, [b"<testsuite><testcase/></testsuite>"], b"", Outcome.FAILED),
        (0, [RED], b"", Outcome.FAILED),
        (0, [GREEN, b"<testsuite><testcase name='b'><flakyFailure/></testcase></testsuite>"], b"", Outcome.FLAKY),
    ],
)
def test_contradictions_and_gaps_never_pass(exit_code: int, files: list[bytes], output: bytes, wanted: Outcome) -> None:
    assert outcome(exit_code, *files, output=output) is wanted


@pytest.mark.parametrize("files", [[], [GREEN], [RED], [b"broken"]])
def test_a_killed_run_is_what_killed_it_whatever_was_written(files: list[bytes]) -> None:
    assert outcome(-1, *files, timed_out=True) is Outcome.TIMED_OUT
    assert outcome(0, *files, timed_out=True) is Outcome.TIMED_OUT
    assert outcome(137, *files, out_of_memory=True) is Outcome.OUT_OF_MEMORY
    assert outcome(0, *files, out_of_memory=True) is Outcome.OUT_OF_MEMORY


def test_report_carries_the_end_of_the_output_without_escapes() -> None:
    run = CommandResult(exit_code=1, stdout=b"x" * 10_000 + b"\x1b[31mthe end\x1b[0m", seconds=2.0)

    report = verdict(run, ParsedReports(), candidate="sha256:1", commit="c")

    assert report.log.endswith("xthe end")
    assert len(report.log) < 6_100
    assert report.log.startswith("[... 4,007 characters cut ...]")
    assert (report.candidate, report.commit, report.seconds) == ("sha256:1", "c", 2.0)


def test_failed_build_is_no_pass_and_keeps_its_last_words() -> None:
    failed = report_of_build(BuildFailed(log="step 3\nERROR: no matching distribution", seconds=9), "c")
    late = report_of_build(BuildFailed(log="", timed_out=True), "c")

    assert (failed.outcome, late.outcome) == (Outcome.BUILD_FAILED, Outcome.TIMED_OUT)
    assert failed.log.endswith("no matching distribution")
    assert failed.candidate == ""


def test_refused_change_names_the_files() -> None:
    report = refused_report("c", ("Dockerfile", "app.json"))

    assert report.outcome is Outcome.LOCKED_FILES
    assert "Dockerfile, app.json" in report.summary


@pytest.mark.parametrize(
    ("tests", "acceptance", "wanted"),
    [
        ((0, GREEN), (0, GREEN), Outcome.PASSED),
        ((0, GREEN), (0, RED), Outcome.FAILED),
        ((5, b"<testsuites/>"), (0, GREEN), Outcome.NO_TESTS),
        ((5, b"<testsuites/>"), (0, RED), Outcome.NO_TESTS),
    ],
)
def test_both_halves_must_pass(tests: tuple[int, bytes], acceptance: tuple[int, bytes], wanted: Outcome) -> None:
    halves = [
        verdict(CommandResult(exit_code=code), parse([("x.xml", io.BytesIO(data))]), candidate="sha256:1", commit="c")
        for code, data in (tests, acceptance)
    ]

    whole = combined(*halves)

    assert whole.outcome is wanted
    assert len(whole.cases) == sum(len(half.cases) for half in halves)


def test_counts_name_every_kind_once() -> None:
    cases = tuple(TestCase(name="x", result=result) for result in (*CaseResult, CaseResult.PASSED))

    assert counts(cases) == "1 failed, 1 error, 1 flaky, 2 passed, 1 skipped"
    assert counts(()) == "no test case"
