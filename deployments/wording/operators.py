"""What the operator is told, in the language of the operator's chat: alarms and digests, which flows write in English.

They are written where nobody knows who will read them (an automation's template, a flow), and kept as they were written.
"""

import re

from deployments.wording.texts import say, spoken

SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), key)
    for pattern, key in (
        (r"the run (?P<name>.+?) failed: (?P<why>.+)", "op_failed_run"),
        (r"the run (?P<name>.+?) is given up: (?P<why>.+)", "op_given_up"),
        (r"a run does not end: a run is at work for (?P<hours>\S+) hours.*", "op_hangs"),
        (r"nobody watches the apps: no sign of life of health_watch for (?P<seconds>\d+) seconds.*", "op_dead_watch"),
        (r"(?P<project>\S+) is cut off: (?P<why>.+); no release was taken back, since none would be better off", "op_cut_off"),
        (r"most apps are unwell at once: (?P<unwell>\d+) of (?P<watched>\d+) apps.*", "op_platform"),
        (r"an automation failed to act: (?P<name>.+?) could not (?P<what>.+?): (?P<why>.+)", "op_failed_to_act"),
        (r"(?P<free>\d+) of (?P<all>\d+) bots of the pool are free.*", "op_few_bots"),
        (r"(?P<person>\S+) came in by invitation (?P<number>\S+); `(?P<command>.+)` takes that back", "op_joined"),
        (
            r"(?P<person>\S+) has spent the (?P<usd>\S+) USD of this day: nothing new begins before (?P<until>.+?), or.*",
            "op_day",
        ),
        (
            r"(?P<person>\S+) has spent the (?P<usd>\S+) USD of this month: nothing new begins before (?P<until>.+?), or.*",
            "op_month",
        ),
        (r"(?P<person>\S+) asks for a human: (?P<why>.+)", "op_human"),
        (r"Slipway, (?P<day>\S+), since (?P<since>.+)", "op_digest"),
        (r"Projects: none yet", "op_no_projects"),
        (r"Projects:", "op_projects"),
        (r"Failed:", "op_failed"),
        (r"Alarms:", "op_alarms"),
        (r"Waits for a person:", "op_waits"),
        (r"Spent on models: (?P<usd>\S+) USD in (?P<calls>\d+) calls", "op_spent"),
        (r"Disk: (?P<free>\S+) of (?P<total>\S+) GB free", "op_disk"),
        (r"and (?P<number>\d+) more", "op_more"),
    )
)
"""What is told, by whole lines."""

STANDING = re.compile(r"(?P<project>[a-z0-9-]+): (?P<facts>(?:release \d+ serves|not online)(?:; [^;]+)*)")
FACTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), key)
    for pattern, key in (
        (r"release (?P<number>\d+) serves", "op_serves"),
        (r"not online", "status_offline"),
        (r"(?P<number>\d+) went online", "op_went_online"),
        (r"(?P<number>\d+) failed", "op_releases_failed"),
        (r"(?P<number>\d+) rollback\(s\)", "op_rollbacks"),
        (r"(?P<usd>\S+) USD", "op_usd"),
    )
)
"""What a digest says of one project, between semicolons."""


def for_operator(text: str, language: str) -> str:
    """Return the text in that language; a line that nobody foresaw is quoted, and said to be English."""
    if spoken(language) == "en":
        return text
    return "\n".join(_line(line, language) for line in text.splitlines())


def _line(line: str, language: str) -> str:
    words = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if standing := STANDING.fullmatch(words):
        facts = "; ".join(_said(fact, FACTS, language) for fact in standing["facts"].split("; "))
        return f"{indent}{standing['project']}: {facts}"
    return indent + _said(words, SENTENCES, language)


def _said(words: str, known: tuple[tuple[re.Pattern[str], str], ...], language: str) -> str:
    for pattern, key in known:
        if match := pattern.fullmatch(words):
            return say(language, key, **match.groupdict())
    return say(language, "op_other", what=words) if words else ""
