"""What GitHub's answers mean when they are no success: who must act, and how long it wants us to wait.

Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api, "Exceeding the rate limit".
"""

from collections.abc import Mapping
from datetime import datetime

from domain.errors import AnswerLost, NeedsPerson, SlipwayError, TryAgain

SECONDARY_SECONDS = 60.0
"""How long to wait at a secondary limit that names no time."""

LIMITS = ("rate limit", "abuse detection")
"""Words of GitHub's at a secondary limit."""

SHUT = ("suspended", "not granted to this installation")
"""Words of GitHub's where the App may do nothing until somebody lets it."""

WORDS_LIMIT = 300
"""Characters of GitHub's own words that are told."""

RENAMED = "the repository has another name: `slipway repository PROJECT OWNER/NAME` says where it is now"
CURES = {
    301: RENAMED,
    302: RENAMED,
    307: RENAMED,
    308: RENAMED,
    401: "look at SLIPWAY_GITHUB_TOKEN, or SLIPWAY_GITHUB_APP_ID and its key: `slipway doctor` asks GitHub who that is",
    403: "docs/github.md lists the permissions that the App or token needs",
    404: "the App must be installed on that repository, or the token be for it",
    410: "it was deleted there, or issues are switched off in the repository's settings",
}
TOLD = {
    "suspended": "who administers the App's installation lets it go on, on its page at GitHub",
    "not granted to this installation": "docs/github.md has them; who administers the installation accepts new ones",
    "claim ('": "the clock of this machine is wrong: set it right, as by NTP",
}
"""Cures by GitHub's words, which say more than the status."""


class GitHubBusy(TryAgain):
    """GitHub asked to wait: (seconds, what was attempted)."""

    def __init__(self, seconds: float, attempted: str) -> None:
        super().__init__(seconds, attempted)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"GitHub asked to wait {self.args[0]:.0f} s before {self.args[1]}"


class GitHubRefused(NeedsPerson):
    """GitHub will not do it for us: (what was attempted, status or 0, its words, the cure where there is one)."""

    def __init__(self, attempted: str, status: int, words: str, cure: str = "") -> None:
        super().__init__(attempted, status, words, cure)
        self.status = status

    def __str__(self) -> str:
        attempted, status, words, cure = self.args
        number, help_ = f" ({status})" if status else "", f"; {cure}" if cure else ""
        return f"GitHub refused {attempted}{number}: {words}{help_}"


class GitHubShut(GitHubRefused):
    """GitHub lets us in nowhere there, until a person does: what is to be done there can wait for that."""


class HistoryTooLarge(NeedsPerson):
    """More was to be fetched than is taken: (name, most megabytes)."""

    def __str__(self) -> str:
        name, most = self.args
        return f"{name} has more than {most} MB, which is too much: take large files out of its history"


def seconds_to_wait(status: int, headers: Mapping[str, str], words: str, now: datetime) -> float | None:
    """Return how long GitHub wants nothing from us; None when the answer is no limit. Header names are in lower case."""
    if status not in (403, 429):
        return None
    after, reset = _number(headers.get("retry-after")), _number(headers.get("x-ratelimit-reset"))
    if after is not None:
        return max(after, 1.0)
    if headers.get("x-ratelimit-remaining") == "0" and reset is not None:
        return max(reset - now.timestamp(), 1.0)
    return SECONDARY_SECONDS if status == 429 or any(each in words.lower() for each in LIMITS) else None


def refusal(status: int, headers: Mapping[str, str], words: str, attempted: str, now: datetime) -> SlipwayError:
    """Return the error that an answer is; `words` are GitHub's."""
    wait = seconds_to_wait(status, headers, words, now)
    if wait is not None:
        return GitHubBusy(wait, attempted)
    said = " ".join(words.split())[:WORDS_LIMIT] or "it said nothing"
    if status >= 500:
        return AnswerLost("GitHub", attempted, f"{status} {said}")
    told = (cure for part, cure in TOLD.items() if part in said)
    kind = GitHubShut if status == 401 or any(each in said for each in SHUT) else GitHubRefused
    return kind(attempted, status, said, next(told, CURES.get(status, "")))


def _number(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdecimal() and len(text) < 12 else None
