"""A test report as markdown for the Prefect UI."""

import html
import re

from domain.reports import CaseResult, TestCase, TestReport
from domain.verdicts import counts

ROWS = 200
_MARKS = {
    CaseResult.PASSED: "✅",
    CaseResult.FAILED: "❌",
    CaseResult.ERROR: "💥",
    CaseResult.SKIPPED: "⏭",
    CaseResult.FLAKY: "🎲",
}
_ORDER = (CaseResult.FAILED, CaseResult.ERROR, CaseResult.FLAKY, CaseResult.SKIPPED, CaseResult.PASSED)


def as_markdown(report: TestReport, title: str = "Tests") -> str:
    """Render verdict, counts and one row a case, failures first; rows beyond a known number are counted, not shown."""
    mark = "✅" if report.passed else "❌"
    head = f"# {mark} {cell(title, 100)}: {report.outcome.value}\n\n{cell(report.summary, 600)}\n\n"
    facts = [f"{report.seconds:.1f} s", *([f"commit `{report.commit[:12]}`"] if report.commit else [])]
    facts += [f"candidate `{report.candidate.removeprefix('sha256:')[:19]}`"] if report.candidate else []
    text = f"{head}{counts(report.cases)} · {' · '.join(facts)}\n"
    if report.notes:
        text += "\n" + "\n".join(f"- {cell(note, 400)}" for note in report.notes) + "\n"
    if report.cases:
        text += _table(report.cases)
    if report.log and not report.passed:
        text += f"\n<details><summary>End of the output</summary>\n\n<pre>{html.escape(report.log)}</pre>\n\n</details>\n"
    return text


def cell(text: str, limit: int) -> str:
    """Return text that cannot leave its table cell nor become a link, an image or HTML."""
    flat = " ".join(text.split())
    flat = flat if len(flat) <= limit else f"{flat[:limit]}…"
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", html.escape(flat, quote=False))


def _table(cases: tuple[TestCase, ...]) -> str:
    ordered = sorted(cases, key=lambda case: _ORDER.index(case.result))
    rows = "\n".join(
        f"| {_MARKS[case.result]} {case.result.value} | {cell(case.suite, 80)} | {cell(case.name, 120)} "
        f"| {cell(case.message, 200)} | {case.seconds:.3f} |"
        for case in ordered[:ROWS]
    )
    more = f"\n\n{len(cases) - ROWS} more cases are not shown." if len(cases) > ROWS else ""
    return f"\n| result | suite | case | message | s |\n|---|---|---|---|---|\n{rows}{more}\n"
