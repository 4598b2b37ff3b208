"""Failures made comparable from round to round, and made readable for the developer who must mend them."""

import hashlib
import re

from domain.reports import Outcome, TestCase, TestReport
from domain.trimming import cut, plain
from domain.verdicts import counts, failed_cases

FEEDBACK_LIMIT = 8_000
"""Characters that go back to the developer."""
UNSEEN = (
    "The app does not do what the Brief says when it is asked with other values than those that you were shown. "
    "They stay unknown to you: write the behaviour, not the answers to the examples."
)
_REFUSALS = frozenset(
    {Outcome.LOCKED_FILES, Outcome.NOT_TAKEN, Outcome.TESTS_TAMPERED, Outcome.TESTS_MISSING, Outcome.REPORT_FORGED}
)
_SHOWN_IN_FULL = 8
_SIGNED_MESSAGE = 600

_NOISE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
        (r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?", "<time>"),
        (r"\b(?:mon|tue|wed|thu|fri|sat|sun),? \d\d? \w{3} \d{4} \d\d:\d\d:\d\d(?: \w+)?", "<time>"),
        (r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
        (r"\b20\d{12}\b", "<time>"),
        (r"\b0x[0-9a-f]+\b", "<address>"),
        (r"(?:/private)?(?:/var)?/(?:tmp|folders)/[^\s'\"`,;:)\]}>]+", "<tmp>"),
        (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,64}\b", "<hash>"),
        (r"\b((?:\d{1,3}\.){3}\d{1,3}|localhost|\[::1?\]):\d{2,5}\b", r"\1:<port>"),
        (r"\bport[ =:]+\d{2,5}\b", "port <port>"),
        (r"\b(pid|process|thread)([ =:-]+)\d+\b", r"\1\2<id>"),
        (r"\b\d+(?:[.,]\d+)?\s?(?:ns|µs|us|ms|s|sec|secs|seconds?|minutes?)\b", "<duration>"),
        (r"(\.\w{1,4}):\d+(?::\d+)?", r"\1:<line>"),
        (r"\bline \d+", "line <line>"),
    )
)
"""What differs between two runs of the same failure. Order matters: what looks more special comes first."""


def normalised(text: str) -> str:
    """Return the text without what changes from run to run: times, addresses, ports, temporary paths, line numbers."""
    text = plain(text)
    for pattern, name in _NOISE:
        text = pattern.sub(name, text)
    return " ".join(text.split())


def signature(report: TestReport) -> str:
    """Return a short hash that is the same for the same failures, in any order and at any time; empty for a pass."""
    if report.passed:
        return ""
    failed = failed_cases(report)
    lines = sorted({_signed(case) for case in failed}) or [normalised(_cause(report))]
    return hashlib.sha256("\n".join((report.outcome.value, *lines)).encode()).hexdigest()[:16]


def feedback(report: TestReport) -> str:
    """Return what the developer is told of a report that is no pass: verdict, failing cases, end of the output; bounded."""
    failed = failed_cases(report)
    head = [f"Verdict: {report.outcome.value}. {report.summary}".strip(), _ADVICE.get(report.outcome, "")]
    if report.cases:
        head.append(f"Counts: {counts(report.cases)}.")
    start = "\n".join(line for line in head if line)
    room = FEEDBACK_LIMIT - len(start) - 200
    body = _body(report, failed, room)
    return cut(f"{start}\n\n{body}".strip(), FEEDBACK_LIMIT, head=0.8)


_ADVICE: dict[Outcome, str] = {
    Outcome.NO_TESTS: "At least one test must run and pass; a skipped test proves nothing.",
    Outcome.NOT_COLLECTED: "A test file could not be imported, so its tests did not run. Mend the import.",
    Outcome.BUILD_FAILED: "The image could not be built, so no test ran. The end of the build's output follows.",
    Outcome.TIMED_OUT: "Look for a loop, a wait without an end, or a server that a test leaves running.",
    Outcome.OUT_OF_MEMORY: "Look for data that grows without a bound.",
    Outcome.REPORT_MISSING: "The test command must write JUnit XML to $REPORTS_DIR; a test that ends the runner prevents it.",
    Outcome.REPORT_MALFORMED: "The report must be well-formed JUnit XML, written by the test runner alone.",
    Outcome.RUNNER_FAILED: "The test command itself must end with exit code 0. The end of its output follows.",
    Outcome.TESTS_TAMPERED: "Take out what is named, and test for real.",
    Outcome.TESTS_MISSING: "Put them back, or say for each, in `dropped` of your handover, why nothing is lost without it.",
    Outcome.REPORT_FORGED: "The report must be written by the test runner alone. Take out what writes, changes or ends it.",
    Outcome.FLAKY: "A test that passes only sometimes proves nothing. Make each give the same result every time.",
    Outcome.TESTS_BLIND: "The faults that no test noticed follow, each with the line as it is.",
    Outcome.LOCKED_FILES: "Undo the change of these files; solve the task in the application's own files.",
    Outcome.NOT_TAKEN: "Take it out of the workspace, also if .gitignore names it; environments and caches belong in /tmp.",
}


def _body(report: TestReport, failed: tuple[TestCase, ...], room: int) -> str:
    """Show the failing cases, or the log where there are none; both when the cases are not what the verdict rests on."""
    if not failed:
        return _log_text(report, room)
    if report.outcome in (Outcome.FAILED, Outcome.FLAKY, Outcome.NOT_COLLECTED) or not report.log:
        return _cases_text(failed, room)
    return f"{_log_text(report, room // 2)}\n\n{_cases_text(failed, room // 2)}"


def _signed(case: TestCase) -> str:
    said = case.message or case.details.rpartition("\n")[2]
    return "\t".join((normalised(case.suite), normalised(case.name), normalised(said)[:_SIGNED_MESSAGE]))


def _cause(report: TestReport) -> str:
    """Return what a report without failed cases rests on: a refusal's sentence, or the last lines of the log."""
    if report.outcome in _REFUSALS:
        return report.summary
    lines = [line for line in report.log.splitlines() if line.strip()]
    return "\n".join(lines[-8:]) or report.summary


def _cases_text(failed: tuple[TestCase, ...], room: int) -> str:
    shown, rest = failed[:_SHOWN_IN_FULL], failed[_SHOWN_IN_FULL:]
    names = _names(rest, room // 4) if rest else ""
    share = (room - len(names)) // len(shown)
    return "\n\n".join([*(_case_text(case, share) for case in shown), *([names] if names else [])])


def _names(cases: tuple[TestCase, ...], room: int) -> str:
    lines = "\n".join(f"- {_title(case)}" for case in cases[:60])
    return cut(f"{len(cases)} more failed:\n{lines}", room, head=1.0 - 1 / room)


def _case_text(case: TestCase, room: int) -> str:
    """Give the message at most a third of the room and the rest to the end of the traceback."""
    title = f"## {case.result.value.upper()} {_title(case)}"
    if case.unseen:
        return f"{title}\n{UNSEEN}"
    message = cut(case.message, max(room // 3, 100))
    details = case.details.strip()
    if not details or details == case.message.strip():
        return f"{title}\n{message}"
    return f"{title}\n{message}\n{cut(details, max(room - len(title) - len(message) - 50, 200), head=0.0)}"


def _title(case: TestCase) -> str:
    if case.unseen:
        return f"{case.suite}::{case.name.partition(':')[0]}"
    return cut(f"{case.suite}::{case.name}" if case.suite else case.name, 200)


def _log_text(report: TestReport, room: int) -> str:
    return cut(report.log, max(room, 200), head=0.0) if report.log else ""
