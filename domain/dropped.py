"""Tests that were run before and are not run now: each is named, and needs a reason."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from domain.proofs import ProvedCase, SignedProof
from domain.rehearsals import SUITE
from domain.reports import CaseResult, DroppedTest, Outcome, TestCase, TestReport
from domain.values import Value
from domain.verdicts import refused

NAMED = 20
"""How many missing tests a summary names."""
KNOWN_SIZE = 256_000
"""Bytes of known tests as JSON, the oldest first: they are input of flows, of which Prefect takes 512 kB."""
_FRAME = len('{"suite":"","name":"","cases":100000},')
_Key = tuple[str, str]


class KnownTest(Value):
    """A test that was once run, without its parameters: `cases` says with how many of them."""

    suite: str = ""
    name: str
    cases: int = 1

    def __str__(self) -> str:
        return f"{self.suite}::{self.name}" if self.suite else self.name


def known_tests(*reports: TestReport) -> tuple[KnownTest, ...]:
    """Return the project's own tests that really ran in any of the reports, in their first order."""
    return merged(*(_known(report) for report in reports))


def merged(*tests: Iterable[KnownTest]) -> tuple[KnownTest, ...]:
    """Return each test once, with the most cases that it had, in their first order, as far as KNOWN_SIZE goes."""
    most: dict[_Key, int] = {}
    left = KNOWN_SIZE
    for test in chain(*tests):
        key = test.suite, test.name
        if key not in most:
            left -= _FRAME + sum(len(json.dumps(name)) - 2 for name in key)
            if left < 0:
                break
        most[key] = max(test.cases, most.get(key, 0))
    return tuple(KnownTest(suite=suite, name=name, cases=cases) for (suite, name), cases in most.items())


def _known(report: TestReport) -> Iterator[KnownTest]:
    for (suite, name), cases in _ran(report).items():
        yield KnownTest(suite=suite, name=name, cases=cases)


def proved_report(commit: str, proofs: Sequence[SignedProof]) -> TestReport:
    """Return the tests with which `commit` was accepted, as its proof lists them; none when it has no proof."""
    body = next((signed.body for signed in proofs if signed.body.get("commit") == commit), {})
    cases = (ProvedCase.model_validate(case) for case in body.get("tests", ()))
    found = tuple(TestCase(suite=case.suite, name=case.name, result=case.result) for case in cases)
    return TestReport(outcome=Outcome.PASSED, commit=commit, cases=found)


def with_missing(report: TestReport, known: Sequence[KnownTest], dropped: Sequence[DroppedTest]) -> TestReport:
    """Refuse a green report when a test is gone, shrunk or skipped without a reason; with one, note it for people."""
    missing = [*_gone(report, known), *_skipped(report)]
    explained = {test: reason for test, _ in missing if (reason := _reason(test, dropped))}
    notes = tuple(f"{test} {what}: {explained[test]}" for test, what in missing if test in explained)
    unexplained = [f"{test} {what}" for test, what in missing if test not in explained]
    report = report.model_copy(update={"notes": (*report.notes, *notes)})
    return refused(report, Outcome.TESTS_MISSING, _told(unexplained)) if unexplained and report.passed else report


def _told(missing: Sequence[str]) -> str:
    what = "1 test does" if len(missing) == 1 else f"{len(missing)} tests do"
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return f"{what} not run, and no reason was given: {'; '.join(missing[:NAMED])}{more}."


def _gone(report: TestReport, known: Sequence[KnownTest]) -> Iterator[tuple[KnownTest, str]]:
    """Name what is missing; a test of the same name in a place where none was has only moved."""
    now, skipped = _ran(report), {_key(case) for case in _own(report, CaseResult.SKIPPED)}
    before = {(test.suite, test.name) for test in known}
    moved = {name: number for (suite, name), number in now.items() if (suite, name) not in before}
    for test in known:
        key = (test.suite, test.name)
        left = now.get(key) or moved.get(test.name, 0)
        if left == 0 and key not in skipped:
            yield test, "is gone"
        elif 0 < left < test.cases:
            yield test, f"has {left} of {test.cases} cases left"


def _skipped(report: TestReport) -> Iterator[tuple[KnownTest, str]]:
    seen: dict[_Key, str] = {}
    for case in _own(report, CaseResult.SKIPPED):
        seen.setdefault(_key(case), f" ({case.message[:80]})" if case.message else "")
    for (suite, name), said in seen.items():
        yield KnownTest(suite=suite, name=name), f"is skipped{said}"


def _reason(test: KnownTest, dropped: Sequence[DroppedTest]) -> str:
    """Return the reason given for a test: by its whole name in any spelling, or by the end of it."""
    whole = f".{_spelled(str(test))}"
    return next((one.reason for one in dropped if whole.endswith(f".{_spelled(one.name)}")), "")


def _spelled(name: str) -> str:
    """Return one spelling for `tests/test_a.py::T::test_b[1]` and `tests.test_a.T::test_b`."""
    return _bare(name).replace(".py::", "::").replace("/", ".").replace("::", ".")


def _ran(report: TestReport) -> dict[_Key, int]:
    found: dict[_Key, int] = {}
    for case in _own(report, CaseResult.PASSED, CaseResult.FAILED, CaseResult.FLAKY, CaseResult.ERROR):
        if case.result is not CaseResult.ERROR or _is_test(case, report):
            found[_key(case)] = found.get(_key(case), 0) + 1
    return found


def _is_test(case: TestCase, report: TestReport) -> bool:
    """Tell a test whose fixture broke from a file that could not be loaded and a set-up of many."""
    return report.outcome is not Outcome.NOT_COLLECTED and bool(case.suite) and case.name.lower().startswith("test")


def _own(report: TestReport, *results: CaseResult) -> Iterable[TestCase]:
    return (case for case in report.cases if case.suite != SUITE and case.result in results)


def _key(case: TestCase) -> _Key:
    return case.suite, _bare(case.name)


def _bare(name: str) -> str:
    """Return a test's name without its parameters, as pytest writes them."""
    return name.partition("[")[0].strip() or name
