"""What stopped a run, as a diagnosis that a person can answer; and how a run ends that is not to go on.

What no person can mend has none: a run that its person stopped, a fault of Slipway's own, a release that was started and
failed its gate.
"""

import re

from domain.escalations import CHOICES, Answer, Diagnosis, Kind
from domain.outcomes import Cause, Escalated, Rejected
from domain.outcomes import Outcome as End
from domain.reports import Outcome, TestReport
from domain.trimming import cut, plain

EVIDENCE_LIMIT = 1_500
"""Characters of evidence."""

KINDS: dict[Cause, Kind] = {
    "rounds_spent": "no progress",
    "same_failure": "no progress",
    "stuck": "no progress",
    "no_plan": "contradictory wish",
    "gave_up": "gave up",
    "refused": "refused",
    "flaky": "flaky",
    "unfit": "release",
    "budget": "budget",
    "model_key": "model key",
    "try_again": "environment",
    "environment": "environment",
    "locked": "platform files",
}

_FULL = re.compile(r"No space left on device", re.IGNORECASE)
_OUTAGE = re.compile(
    r"Temporary failure in name resolution|Could not resolve host|Name or service not known|EAI_AGAIN"
    r"|Connection (?:refused|timed out|reset)[^\n]*(?:pip|npm|index|registry)"
    r"|Max retries exceeded with url|Network is unreachable|Cannot connect to the Docker daemon",
    re.IGNORECASE,
)
"""What tools print when the machine around them is broken, not the code. Tests are meant to have no network."""
_SECRET = re.compile(r"\b[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:KEY|TOKEN|SECRET|PASSWORD|PASSPHRASE|DSN)\b")
_LACKS = re.compile(
    r"\b(?:need|needs|needed|missing|lacks?|without|no value|not set|provide|credential|access)\b", re.IGNORECASE
)


def diagnose(outcome: End) -> Diagnosis | None:
    """Return what a person can answer to this end of the work; None when it is good, or nothing that a person can mend."""
    if isinstance(outcome, Escalated):
        return _of_escalated(outcome)
    built, released = outcome
    if not isinstance(released, Rejected) or released.started:
        return None
    return Diagnosis(
        kind="release",
        cause="unfit",
        reason=released.reason,
        evidence=_short(released.evidence),
        tried=_rounds(built.rounds),
        choices=CHOICES["release"],
    )


def _of_escalated(end: Escalated) -> Diagnosis | None:
    kind = KINDS.get(end.cause)
    if kind is None:
        return None
    said = f"{end.reason}\n{end.evidence}"
    secrets = tuple(dict.fromkeys(_SECRET.findall(said))) if kind == "gave up" and _LACKS.search(said) else ()
    if secrets:
        kind = "missing secret"
    elif kind in ("no progress", "gave up") and _machine_failed(end):
        kind = "environment"
    interrupted = end.cause in ("try_again", "model_key", "environment")
    choices = CHOICES[kind] if not interrupted else ("retry", "stop")
    return Diagnosis(
        kind=kind,
        cause=end.cause,
        reason=end.reason,
        evidence=_short(end.evidence),
        tried=_rounds(end.rounds)
        if end.rounds
        else "the call was repeated with growing pauses"
        if end.cause == "try_again"
        else "",
        choices=choices,
        secrets=secrets,
        digest=end.digest,
    )


def _machine_failed(end: Escalated) -> bool:
    return bool(_FULL.search(end.evidence) or (_had_network(end.report) and _OUTAGE.search(end.evidence)))


def _had_network(report: TestReport | None) -> bool:
    """Tell whether the words are of an agent or of a build, which reach package registries, and not of tests."""
    if report is None:
        return True
    return report.outcome in (Outcome.BUILD_FAILED, Outcome.TIMED_OUT) and not report.candidate


def _rounds(number: int) -> str:
    return f"{number} round{'s' if number != 1 else ''} of code and tests"


def _short(evidence: str) -> str:
    return cut(plain(evidence).strip(), EVIDENCE_LIMIT, head=0.7)


def of_push(diagnosis: Diagnosis | None) -> Diagnosis | None:
    """Return what can be answered where a person's own commit is delivered: there is no developer to be told anything."""
    if diagnosis is None:
        return None
    possible = ("approve", "more_budget", "retry", "stop")
    return diagnosis.model_copy(update={"choices": tuple(each for each in diagnosis.choices if each in possible)})


def stopped(outcome: End, answer: Answer) -> End:
    """Return the end of a run that is not to go on, with who decided so."""
    if not isinstance(outcome, Escalated):
        return outcome
    why = answer.text if answer.door == "default" else f"{answer.by} stopped it"
    return outcome.model_copy(update={"reason": f"{outcome.reason}; {why}", "digest": ""})
