"""What was written down of a run and of a project: in the person's language where that can be said, else as it was written."""

import re
from collections.abc import Sequence

from deployments.wording.cards import CAUSE, verdict
from deployments.wording.reasons import why_failed, why_taken_back
from deployments.wording.texts import say
from domain.audit import AuditLine
from domain.escalations import Diagnosis
from domain.runs import Progress, Run, RunState
from domain.values import Value

CHANGES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"project made"), "made"),
    (re.compile(r"release (?P<number>\d+) is live"), "live"),
    (re.compile(r"release (?P<number>\d+) failed"), "failed"),
    (re.compile(r"release (?P<number>\d+) removed"), "cleared"),
    (re.compile(r"release (?P<number>\d+) started again"), "again"),
    (re.compile(r"release (?P<number>\d+) stays"), "stays"),
    (re.compile(r"rollback of release (?P<bad>\d+) to (?P<good>\d+)"), "back"),
    (re.compile(r"rollback of release (?P<bad>\d+) to nothing.*"), "back_none"),
    (re.compile(r"no rollback of release (?P<bad>\d+) to .*"), "back_refused"),
    (re.compile(r"data of snapshot (?P<name>\S+)"), "data"),
    (re.compile(r"domain (?P<host>\S+) added"), "host"),
    (re.compile(r"domain (?P<host>\S+) removed"), "host_gone"),
    (re.compile(r"domain (?P<host>\S+) made the main one"), "host_main"),
    (re.compile(r"secret (?P<name>\S+) stored"), "secret"),
    (re.compile(r"secret (?P<name>\S+) made"), "secret_made"),
    (re.compile(r"secret (?P<name>\S+) rotated"), "secret_rotated"),
    (re.compile(r"a value of secret (?P<name>\S+) forgotten"), "secret_gone"),
    (re.compile(r"answered question (?P<number>\d+) of (?P<run>\S+)"), "answered"),
    (re.compile(r"run (?P<run>\S+) stopped"), "stopped"),
    (re.compile(r"preview (?P<number>\d+) is up"), "preview"),
    (re.compile(r"preview (?P<number>\d+) dropped"), "preview_dropped"),
    (re.compile(r"preview (?P<number>\d+) expired"), "preview_expired"),
    (re.compile(r"candidate (?P<name>\S+) removed"), "candidate"),
    (re.compile(r"repository set to (?P<name>\S+)"), "repository"),
    (re.compile(r"repository taken away"), "repository_gone"),
    (re.compile(r"pushed (?P<name>\S+)"), "pushed"),
    (re.compile(r"bot (?P<name>\S+) leased"), "bot"),
    (re.compile(r"bot (?P<name>\S+) given back"), "bot_back"),
    (re.compile(r"(?P<login>\S+) invited to (?P<name>\S+)"), "invited"),
    (re.compile(r"(?P<name>\S+) offered to (?P<owner>\S+)"), "offered"),
    (re.compile(r"asked in (?P<where>\S+)"), "asked_in"),
    (re.compile(r"removed"), "removed"),
    (re.compile(r"(?P<kind>\S+) (?P<name>\S+) removed"), "leftover"),
)
"""What the lines of a project's history say; `change_<key>` is the text of each."""
REASONED = ("back", "back_none", "back_refused", "stays")
"""Changes whose reason is a complaint of the watch, or that somebody asked for it."""


class Told(Value):
    """Something that was written down."""

    words: str = ""
    """In the person's language; empty when only what was written says it."""
    written: str = ""
    """The same as it was written, by whomever and in whatever language; empty when the words say all of it."""
    quoted: str = ""
    """What somebody said beside it."""


def told_line(line: Progress, run: Run, language: str) -> Told:
    """Return what a line of a run's progress says."""
    match line.kind:
        case "step" if line.step:
            return Told(words=say(language, f"step_{line.step}"))
        case "round" if "of" in line.data:
            return Told(words=say(language, "round", round=line.data.get("round", run.round), of=line.data["of"]))
        case "report":
            return Told(words=verdict(line, language) if line.data.get("outcome") else "", written=line.text)
        case "waiting" if "question" in line.data:
            return Told(words=say(language, "asked"))
        case "end" if cause := CAUSE.validate_python(line.data.get("cause", "")):
            return Told(words=why_failed(run, cause, language), written=line.text)
        case _:
            return Told(written=line.text)


def told_end(run: Run, progress: Sequence[Progress], language: str) -> Told:
    """Return why a run failed; nothing of one that did not."""
    if run.state is not RunState.FAILED:
        return Told()
    end = next((line for line in reversed(progress) if line.kind == "end"), None)
    return told_line(end, run, language) if end else Told(written=run.message)


def told_question(diagnosis: Diagnosis, run: Run, language: str) -> Told:
    """Return why a run asks."""
    return Told(words=why_failed(run, diagnosis.cause, language) if diagnosis.cause else "", written=diagnosis.reason)


def told_change(line: AuditLine, language: str) -> Told:
    """Return what a line of a project's history says, with its reason behind it."""
    found = next(((match, key) for pattern, key in CHANGES if (match := pattern.fullmatch(line.what))), None)
    if found is None:
        return Told(written=f"{line.what}: {line.why}" if line.why else line.what)
    match, key = found
    words = say(language, f"change_{key}", **match.groupdict())
    why = why_taken_back(line.why, language) if key in REASONED else line.why
    if why != line.why:
        return Told(words=f"{words}: {why}")
    return Told(words=words, quoted=line.why)
