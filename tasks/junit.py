"""JUnit files become TestCase values; afterwards every file is either read whole or named as unusable. Uses no block.

There is no one standard: each runner writes its own dialect, so the elements decide and the counts in attributes are
only believed when they say worse. What the elements mean is junitparser's (its `xunit2` flavour, which knows reruns):

- `failure` beside `error` is a failure, `error` beside `skipped` an error. `failure` beside `skipped` alone is a failure that
  the runner was told to put up with (node's `todo`, Catch2's `!mayfail`): SKIPPED, since it shows nothing. pytest
  writes both where one subtest failed and another was skipped: FAILED.
- Surefire's `rerunFailure` stands beside the `failure` of a case that failed in every rerun: FAILED.
  Its `flakyFailure` stands alone in a case that passed in a later rerun: FLAKY.
- pytest-rerunfailures writes each failed attempt as a case of its own, without a result, in front of the last one: of such
  neighbours in a suite named `pytest` only the last counts, and as FLAKY where it passed.
- A case without any name is what pytest leaves of the case in which the runner was stopped: ERROR.
- A failure that hangs at a suite itself (set-up of a whole file) becomes a case of its own: ERROR or FAILED.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO
from xml.etree import ElementTree as ET

from junitparser import Error, Failure, Skipped, SystemErr, xunit2
from junitparser.junitparser import FinalResult, Result, System

from domain.reports import CaseResult, TestCase
from domain.trimming import cut, plain
from domain.verdicts import ParsedReports
from tasks.junit_stream import FoundCase, FoundHidden, UnreadableXml, meant, read

BYTES_LIMIT = 64 * 1024 * 1024
CASES_LIMIT = 100_000
NAME_LIMIT = 300
MESSAGE_LIMIT = 2_000
DETAILS_LIMIT = 8_000
TEXT_BUDGET = 2_000_000
"""Characters of messages and details of one test run; beyond it cases keep their first words only."""

FLAKY = "flaky: failed first and passed when run again"


@dataclass
class _Reports:
    """What was read so far, over all files."""

    cases: list[TestCase] = field(default_factory=list)
    files: int = 0
    hidden: int = 0
    size: int = 0
    text: int = 0
    problems: list[str] = field(default_factory=list)
    suites: dict[str, str] = field(default_factory=dict)

    def count(self, size: int) -> None:
        self.size += size
        if self.size > BYTES_LIMIT:
            raise UnreadableXml(f"the reports are larger than {BYTES_LIMIT // 1024 // 1024} MB")

    def add(self, found: FoundCase) -> None:
        if len(self.cases) >= CASES_LIMIT:
            raise UnreadableXml(f"the reports hold more than {CASES_LIMIT:,} test cases")
        suite = _short(found.element.get("classname") or found.suite)
        case = _case(found.element, self.suites.setdefault(suite, suite), brief=self.text >= TEXT_BUDGET)
        self.text += len(case.message) + len(case.details)
        if found.suite.rpartition(" > ")[2] == "pytest" and self.cases and _is_attempt(self.cases[-1], case):
            self.cases[-1] = _of_attempts(case)
        else:
            self.cases.append(case)


def _is_attempt(earlier: TestCase, later: TestCase) -> bool:
    """Tell whether the earlier of two neighbours is an attempt that was repeated as the later one."""
    same = (earlier.suite, earlier.name) == (later.suite, later.name)
    return same and earlier.result in (CaseResult.PASSED, CaseResult.FLAKY) and later.result is not CaseResult.ERROR


def _of_attempts(last: TestCase) -> TestCase:
    if last.result is not CaseResult.PASSED:
        return last
    return last.model_copy(update={"result": CaseResult.FLAKY, "message": FLAKY})


def parse(files: Iterable[tuple[str, IO[bytes]]]) -> ParsedReports:
    """Read the named files in order; never raises for what is in them."""
    reports = _Reports()
    for name, file in files:
        reports.files += 1
        try:
            _read_file(file, reports)
        except UnreadableXml as problem:
            reports.problems.append(f"{plain(name)[:100]}: {plain(str(problem))[:300]}")
    return ParsedReports(
        files=reports.files,
        cases=tuple(reports.cases),
        malformed="; ".join(reports.problems[:5]),
        hidden=reports.hidden,
    )


def _read_file(file: IO[bytes], reports: _Reports) -> None:
    for found in read(file, reports.count):
        match found:
            case FoundCase():
                reports.add(found)
            case FoundHidden(number):
                reports.hidden += number


def _case(element: ET.Element, suite: str, *, brief: bool) -> TestCase:
    """Return our value; `brief` keeps the first words of its message and no details."""
    case: xunit2.TestCase = xunit2.TestCase.fromelem(element)  # type: ignore[no-untyped-call]
    entries: list[Result | System] = list(case)
    results = [entry for entry in entries if isinstance(entry, Result)]
    result = _result(case, results)
    failed = result in (CaseResult.FAILED, CaseResult.ERROR)
    return TestCase(
        suite=suite,
        name=_short(case.name or "") or _short(case.classname or "") or "(no name)",
        result=result,
        seconds=_seconds(case),
        message=cut(plain(_message(case, results, result)).strip(), 100 if brief else MESSAGE_LIMIT),
        details=cut(plain(_details(entries)).strip(), DETAILS_LIMIT) if failed and not brief else "",
    )


def _result(case: xunit2.TestCase, results: list[Result]) -> CaseResult:
    kinds = {type(entry) for entry in results}
    attributes: dict[str, str] = case._elem.attrib  # junitparser knows none of these attributes
    said = {meant(attributes.get(name, "")) for name in ("status", "result")}
    tolerated = any(isinstance(entry, Skipped) and not (entry.type or "").startswith("pytest.") for entry in results)
    if Failure in kinds and tolerated and Error not in kinds:
        return CaseResult.SKIPPED
    if Failure in kinds or "failure" in said:
        return CaseResult.FAILED
    if Error in kinds or "error" in said or not {"name", "classname"} & attributes.keys():
        return CaseResult.ERROR
    if attributes.get("failure") or kinds & {xunit2.RerunFailure, xunit2.RerunError}:  # node:test repeats the message there
        return CaseResult.FAILED
    if Skipped in kinds or "skipped" in said:
        return CaseResult.SKIPPED
    return CaseResult.FLAKY if kinds & {xunit2.FlakyFailure, xunit2.FlakyError} else CaseResult.PASSED


def _message(case: xunit2.TestCase, results: list[Result], result: CaseResult) -> str:
    own = next((text for entry in results if isinstance(entry, FinalResult) and (text := _said(entry))), "")
    flaky = [entry for entry in results if isinstance(entry, xunit2.FlakyFailure | xunit2.FlakyError)]
    reruns = [entry for entry in results if isinstance(entry, xunit2.RerunFailure | xunit2.RerunError)]
    if flaky and result is CaseResult.FLAKY:
        return f"{FLAKY}: {_said(flaky[0])}".rstrip(": ")
    if reruns:
        return f"{own}\n(failed again in {len(reruns)} rerun(s))".strip()
    if result is CaseResult.ERROR and not results and not case.name:
        return "the runner was stopped while this case ran: its name and its end are missing"
    return own


def _said(entry: Result) -> str:
    """Return a result's message: the attribute, else the first line of its text, else its type."""
    text = (entry.text or "").strip()
    return entry.message or text.partition("\n")[0] or entry.type or ""


def _details(entries: list[Result | System]) -> str:
    parts = [text.strip() for entry in entries if isinstance(entry, FinalResult) and (text := entry.text)]
    for entry in entries:
        if isinstance(entry, System) and entry.text and entry.text.strip():
            title = "error output" if isinstance(entry, SystemErr) else "output"
            parts.append(f"--- {title} ---\n{cut(entry.text.strip(), DETAILS_LIMIT // 4, head=0.0)}")
    return "\n\n".join(parts)


def _seconds(case: xunit2.TestCase) -> float:
    try:
        seconds = case.time or 0.0
    except ValueError:  # some runners write "NaN" or a unit
        return 0.0
    return seconds if math.isfinite(seconds) and seconds >= 0 else 0.0


def _short(name: str) -> str:
    return cut(" ".join(plain(name).split()), NAME_LIMIT)
