"""What is said of a run at GitHub: the pull request's body, and the check of a commit with remarks at its lines."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from domain.briefs import Brief
from domain.github import Annotation, CommitCheck, Conclusion
from domain.outcomes import Escalated, Overtaken, Rejected
from domain.outcomes import Outcome as End
from domain.proofs import SignedProof, facts
from domain.pushes import DIGEST_SHOWN
from domain.rehearsals import SUITE
from domain.report_tables import as_markdown
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.trimming import cut, fenced, plain

BODY_LIMIT, MESSAGE_LIMIT, TITLE_LIMIT = 60_000, 4_000, 200
SUMMARY_BYTES = 65_000
"""Of a check's summary. GitHub describes 65,535 characters, and counts bytes (github/docs, issue 35252)."""
ANNOTATIONS_LIMIT = 150
"""Each fifty are a call."""

CALLS = re.compile(r"([@#]|\bGH-)(?=\w)", re.IGNORECASE)
SECRET = re.compile(r"\$\{\{\s*secrets\.([A-Z][A-Z0-9_]*)\s*\}\}")
RED = (CaseResult.FAILED, CaseResult.ERROR, CaseResult.FLAKY)


def calls_nobody(text: str) -> str:
    """Return words of people or models so that GitHub calls nobody and closes no issue by them."""
    return CALLS.sub("\\1\u200b", text)


def quiet(text: str) -> str:
    """Return them so that GitHub shows no page element by them either."""
    return calls_nobody(plain(text)).replace("<", "&lt;")


def one_line(text: str, limit: int) -> str:
    return " ".join(cut(quiet(text), limit).split())


def summary_of(text: str) -> str:
    """Return as much of the text as a check takes, the cut marked."""
    whole = text.encode("utf-8", "replace")
    if len(whole) <= SUMMARY_BYTES:
        return text
    return f"{whole[:SUMMARY_BYTES].decode('utf-8', 'ignore')}\n[... {len(whole) - SUMMARY_BYTES:,} bytes cut ...]"


def branch_of(run: str) -> str:
    """Return the branch of a run's change at GitHub."""
    return f"slipway/{run}"


def tags_of(release: int) -> tuple[str, ...]:
    """Return how a release's tag is called, and how where that is a person's own."""
    return f"v{release}", f"slipway-v{release}"


def described(title: str, slug: str, created: str) -> str:
    """Return a repository's description, by which we know one again that we made for a project."""
    return f"{one_line(title, 100)} (made by Slipway for {slug}, {created})"


def pull_title(brief: Brief) -> str:
    return one_line(brief.title, TITLE_LIMIT)


def pull_body(brief: Brief, signed: SignedProof, address: str) -> str:
    """Return the Brief, the acceptance checks as they held, the proof and the cost."""
    known = {case["name"]: case["result"] for case in signed.body["checks"]}
    kept = all(result == CaseResult.PASSED.value for result in known.values())
    checks = "\n".join(f"- [{'x' if kept else ' '}] {one_line(check.text, 600)}" for check in brief.checks)
    table = "\n".join(f"| {name} | {one_line(text, 400).replace('|', chr(92) + '|')} |" for name, text in facts(signed.body))
    left = "\n".join(f"- {one_line(text, 500)}" for text in signed.body["reservations"])
    parts = (
        quiet(brief.summary),
        f"Online at {address}" if address else "",
        f"## Acceptance checks\n{checks}",
        f"## What is left to say\n{left}" if left else "",
        f"## Proof\n| | |\n|---|---|\n{table}",
        f"Signature: `{signed.signature}` (`slipway proof {signed.body['project']} --run {signed.run}` has the whole document)",
    )
    return cut("\n\n".join(part for part in parts if part), BODY_LIMIT)


def check_of_proof(signed: SignedProof, details_url: str = "") -> CommitCheck:
    """Return the check of what was accepted: it passed, or it would have no proof."""
    body: Mapping[str, Any] = signed.body
    named = "\n".join(f"- {one_line(case['name'], 200)}: {case['result']}" for case in (*body["checks"], *body["tests"]))
    conclusion: Conclusion = "success" if body["verdict"] == Outcome.PASSED.value else "failure"
    return CommitCheck(
        run=signed.run,
        commit=body["commit"],
        conclusion=conclusion,
        title=one_line(body["summary"], TITLE_LIMIT) or body["verdict"],
        summary=summary_of(named) or body["verdict"],
        details_url=details_url,
    )


def check_of_report(run: str, report: TestReport, details_url: str = "") -> CommitCheck:
    """Return the check of a round, with a remark at each test that failed; of acceptance checks only their names are told."""
    red = [case for case in report.cases if case.result in RED and case.suite != SUITE]
    shown = report.model_copy(update={"log": "", "cases": tuple(map(_discreet, report.cases))})
    return CommitCheck(
        run=run,
        commit=report.commit,
        conclusion="success" if report.passed else "failure",
        title=one_line(report.summary, TITLE_LIMIT) or report.outcome.value,
        summary=summary_of(quiet(as_markdown(shown))),
        annotations=tuple(annotation for case in red[:ANNOTATIONS_LIMIT] if (annotation := _annotation(case))),
        details_url=details_url,
    )


def check_of_push(run: str, commit: str, end: End) -> CommitCheck | None:
    """Return the check of a person's own commit that is not online, or not yet; None where it is: its proof says more.

    What a release printed that did not get well is not told: it may show values of acceptance checks.
    """
    match end:
        case Escalated(report=TestReport() as report):
            return check_of_report(run, report.model_copy(update={"commit": commit}))
        case Escalated() as stopped:
            asks = f"Its owner's word lets it pass: `/slipway approve {stopped.digest[:DIGEST_SHOWN]}` under any issue."
            return _check_of_end(run, commit, stopped.reason, stopped.evidence, asks if stopped.digest else "")
        case _, Rejected() as refused:
            return _check_of_end(run, commit, f"the tests passed, and it did not go online: {refused.reason}")
        case _, Overtaken() as passed_by:
            return _check_of_end(run, commit, passed_by.reason)
        case _:
            return None


def _check_of_end(run: str, commit: str, reason: str, evidence: str = "", asks: str = "") -> CommitCheck:
    """Return the check of what has ended, or asks: then it is not refused."""
    said = "\n\n".join(part for part in (fenced(evidence) if evidence else quiet(reason), asks) if part)
    conclusion: Conclusion = "neutral" if asks else "failure"
    title = one_line(reason, TITLE_LIMIT)
    return CommitCheck(run=run, commit=commit, conclusion=conclusion, title=title, summary=summary_of(said))


def secrets_wanted(workflows: Sequence[str]) -> tuple[str, ...]:
    """Return the names of secrets that the workflows use; GitHub's own token is none of ours."""
    return tuple(sorted({name for text in workflows for name in SECRET.findall(text)} - {"GITHUB_TOKEN"}))


def _discreet(case: TestCase) -> TestCase:
    """Return an acceptance check without its values, which whoever works on the code is not to learn from GitHub."""
    return case.model_copy(update={"message": "", "details": ""}) if case.suite == SUITE or case.unseen else case


def _annotation(case: TestCase) -> Annotation | None:
    """Return the remark at the test's file: the last line of it that the traceback names, else the first."""
    module = case.suite or case.name.rpartition("::")[0]
    if not re.fullmatch(r"[\w.]+", module):
        return None
    for parts in (module.split("."), module.split(".")[:-1]):  # a class within the file is its last part
        path = "/".join(parts) + ".py"
        lines = re.findall(rf"^{re.escape(path)}:(\d+):", case.details, re.MULTILINE)
        if lines:
            break
    else:
        path, lines = module.replace(".", "/") + ".py", ["1"]
    text = cut(quiet(case.message or case.details) or case.result.value, MESSAGE_LIMIT)
    return Annotation(path=path, line=min(int(lines[-1]), 10**6), title=one_line(case.name, TITLE_LIMIT), message=text)
