"""What GitHub's refusals mean, by the headers that its documents name."""

from datetime import UTC, datetime

import pytest

from domain.errors import AnswerLost, SlipwayError
from domain.github_errors import GitHubBusy, GitHubRefused, GitHubShut, refusal, seconds_to_wait

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
RESET = str(int(NOW.timestamp()) + 900)


@pytest.mark.parametrize(
    ("status", "headers", "words", "seconds"),
    [
        pytest.param(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}, "", 900, id="primary"),
        pytest.param(429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}, "", 900, id="primary-429"),
        pytest.param(403, {"retry-after": "30", "x-ratelimit-remaining": "0"}, "", 30, id="secondary"),
        pytest.param(403, {"x-ratelimit-remaining": "12"}, "You have exceeded a secondary rate limit", 60, id="no-time"),
        pytest.param(429, {}, "", 60, id="nothing-said"),
        pytest.param(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, "", 1, id="reset-is-over"),
        pytest.param(429, {"retry-after": "soon"}, "", 60, id="no-number"),
        pytest.param(429, {"retry-after": "inf"}, "", 60, id="for-ever"),
        pytest.param(403, {}, "You have triggered an abuse detection mechanism.", 60, id="secondary-of-old"),
        pytest.param(403, {"x-ratelimit-remaining": "12"}, "Resource not accessible by integration", None, id="no-permission"),
        pytest.param(404, {"retry-after": "30"}, "", None, id="not-found"),
    ],
)
def test_how_long_github_wants_to_be_left_alone(
    status: int, headers: dict[str, str], words: str, seconds: float | None
) -> None:
    assert seconds_to_wait(status, headers, words, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "words", "kind", "said"),
    [
        (429, "", GitHubBusy, "GitHub asked to wait 60 s before pushing"),
        (502, "Bad gateway", AnswerLost, "GitHub did not answer while pushing: 502 Bad gateway"),
        (422, "Invalid\n  request", GitHubRefused, "GitHub refused pushing (422): Invalid request"),
        (403, "", GitHubRefused, "GitHub refused pushing (403): it said nothing; docs/github.md lists the permissions"),
        (
            403,
            "This installation has been suspended",
            GitHubShut,
            "GitHub refused pushing (403): This installation has been suspended; who administers the App's installation",
        ),
        (
            401,
            "'Expiration time' claim ('exp') is too far in the future",
            GitHubShut,
            "GitHub refused pushing (401): "
            "'Expiration time' claim ('exp') is too far in the future; the clock of this machine is wrong",
        ),
        (
            410,
            "Issues are disabled for this repo",
            GitHubRefused,
            "GitHub refused pushing (410): Issues are disabled for this repo; it was deleted there, or issues are switched off",
        ),
        (
            422,
            "The permissions requested are not granted to this installation.",
            GitHubShut,
            "GitHub refused pushing (422): The permissions requested are not granted to this installation.; docs",
        ),
        (
            307,
            "Temporary Redirect",
            GitHubRefused,
            "GitHub refused pushing (307): Temporary Redirect; the repository has another name",
        ),
    ],
)
def test_who_must_act(status: int, words: str, kind: type[SlipwayError], said: str) -> None:
    error = refusal(status, {}, words, "pushing", NOW)
    assert type(error) is kind
    assert str(error).startswith(said)
