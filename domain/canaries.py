"""Tests of our own that are slipped among the project's: one must pass and one must fail, or the report is forged.

Nobody can know their names beforehand. A report that was written by hand lacks them, one whose failures were turned
green shows the failing one green, and a command whose exit code is forced ends with 0 although a test failed.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from domain.reports import CaseResult, TestCase
from domain.tampering import is_test_file
from domain.values import Value
from domain.verdicts import ParsedReports
from domain.workers import CommandResult

_WORDS = ("answers", "keeps", "lists", "orders", "accepts", "returns", "shows", "holds")


class Canary(Value):
    """One file with both tests."""

    path: str
    content: str
    passes: str
    fails: str


def canary(command: str, paths: Sequence[str], cases: Sequence[TestCase], token: str) -> Canary | None:
    """Return the file for the project's runner; None when it is none that we can write for.

    It stands beside a test file that was really run, so that whatever finds that one finds it, too.
    """
    if not re.search(r"\bpytest\b", command):
        return None
    number = int(token, 16)
    passes, fails = (f"test_{_WORDS[(number >> shift) % len(_WORDS)]}_{token}{shift}" for shift in (3, 6))
    content = (
        f"def {passes}() -> None:\n    assert int('{number}') + 1 == {number + 1}\n\n\n"
        f"def {fails}() -> None:\n    assert int('{number}') + 1 == {number + 2}\n"
    )
    folder = _folder(paths, cases)
    return Canary(path=str(folder / f"test_{token}.py"), content=content, passes=passes, fails=fails)


def objection(planted: Canary, run: CommandResult, reports: ParsedReports) -> str | None:
    """Say what the second run's report conceals; None when it is honest about both tests."""
    results = {case.name: case.result for case in reports.cases}
    if reports.malformed or not reports.files:
        return "with two tests of the Tester's own beside the project's, there is no readable report"
    if planted.passes not in results and planted.fails not in results:
        return "two tests that the Tester put beside the project's own are not in it"
    if results.get(planted.fails) not in (CaseResult.FAILED, CaseResult.ERROR):
        return "a test of the Tester's own that must fail is not shown as failed"
    if results.get(planted.passes) is not CaseResult.PASSED:
        return "a test of the Tester's own that must pass is not shown as passed"
    if run.exit_code == 0:
        return "the test command ended with exit code 0 although a test of the Tester's own failed"
    return None


def _folder(paths: Sequence[str], cases: Sequence[TestCase]) -> PurePosixPath:
    files = [PurePosixPath(path) for path in paths if is_test_file(path)]
    ran = {case.suite for case in cases if case.result is CaseResult.PASSED}
    for file in files:
        module = ".".join(file.with_suffix("").parts)
        if any(f"{suite}.".startswith(f"{module}.") for suite in ran):
            return file.parent
    return files[0].parent if files else PurePosixPath("tests")
