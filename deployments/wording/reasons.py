"""Why something happened, in the person's language: from what flows and probes wrote down in English."""

import re

from deployments.wording.texts import say
from domain.outcomes import Cause
from domain.runs import Run

COMPLAINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?P<path>/\S*) answers (?P<status>\d+)"), "why_status"),
    (re.compile(r"(?P<path>/\S*) does not answer"), "why_silent"),
    (re.compile(r"(?P<path>/\S*) does not say"), "why_content"),
    (re.compile(r"ran out of memory"), "why_memory"),
    (re.compile(r"the app is \w+|the app ended and was started again"), "why_ended"),
    (re.compile(r"(?P<failed>\d+) of the last (?P<requests>\d+) requests"), "why_errors"),
    (re.compile(r"asked for "), "why_asked"),
)
"""What `tasks.watch` and whoever asks for a rollback say."""

NEXT: dict[Cause, str] = {
    "budget": "next_operator",
    "model_key": "next_operator",
    "broken": "next_operator",
    "try_again": "next_again",
    "locked": "next_push",
    "red": "next_push",
    "diverged": "next_push",
}
"""The one next thing to do; saying it in other words where nothing else is named."""


def why_taken_back(reason: str, language: str) -> str:
    """Say why a release was taken back; a reason that nobody foresaw stays as it was written."""
    for pattern, key in COMPLAINTS:
        if match := pattern.search(reason):
            return say(language, key, **match.groupdict())
    return reason


def why_failed(run: Run, cause: Cause, language: str) -> str:
    """Say why a run ended without a release; the run's own words where no cause was named."""
    return say(language, f"why_{cause}", round=run.round) if cause else run.message


def what_next(run: Run, cause: Cause, language: str) -> str:
    key = NEXT.get(cause, "next_change" if run.change else "next_say")
    return say(language, key, project=run.project)
