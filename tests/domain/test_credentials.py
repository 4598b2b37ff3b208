"""Which texts are taken for credentials. The samples are made up, in their issuers' shapes, and put together
here from halves so that no scanner of this repository takes them for real ones."""

import re

import pytest

from domain.credentials import SHAPES, credential_in

TAIL = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("make a bot, token 1234567" + "890:" + TAIL[:35], "Telegram bot token"),
        ("key=sk-" + "ant-api03-" + TAIL, "API key"),
        ("sk-" + TAIL, "API key"),
        ("sk-" + "proj-" + TAIL + "_-x", "API key"),
        ("use gh" + "p_" + TAIL[:36] + ", please", "GitHub token"),
        ("github" + "_pat_" + TAIL + TAIL, "GitHub token"),
        ("gl" + "pat-" + TAIL[:20], "GitLab token"),
        ("AKIA" + "IOSFODNN7EXAMPLE", "AWS access key"),
        ("AI" + "za" + TAIL[:35], "Google API key"),
        ("xox" + "b-123456789012-abc", "Slack token"),
        ("sk" + "_live_" + TAIL[:24], "payment key"),
        ("eyJ" + TAIL + ".eyJ" + TAIL + "." + TAIL, "JSON web token"),
        ("-----BEGIN " + "RSA PRIVATE KEY-----\nMII", "private key"),
        ("-----BEGIN " + "PRIVATE KEY-----", "private key"),
        ("-----BEGIN " + "PGP PRIVATE KEY BLOCK-----", "private key"),
    ],
)
def test_credential_is_recognised_and_only_its_kind_is_told(text: str, kind: str) -> None:
    assert credential_in(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "a URL shortener with 100 links a minute",
        "скажи погоду в 12:30, и курс 1234567890:1",
        "a risk-management-dashboard-for-small-companies with task-lists",
        "sk-this-is-only-a-long-name-of-a-branch",
        "-----BEGIN " + "PUBLIC KEY-----",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "http://user-page.example/eyJ.html",
        "ask-me-anything-2024-edition-for-developers",
    ],
)
def test_ordinary_words_pass(text: str) -> None:
    assert credential_in(text) is None


@pytest.mark.parametrize(
    "text", ["sk-" * 60_000, "sk-" + ("a" * 20 + "-") * 10_000, "-eyJ" * 50_000], ids=["dashes", "blocks", "starts"]
)
def test_a_file_made_to_be_slow_is_searched_in_one_go(text: str) -> None:
    """A shape that begins anew at each place needs minutes for this, and more with each byte: the bot hangs for everybody."""
    assert credential_in(text) is None


def test_every_shape_begins_with_fixed_letters() -> None:
    """One that begins with a condition is tried at each place: 50 MB of a person's zip took half a minute so."""
    assert [shape.pattern for _, shape in SHAPES if re.match(r"[A-Za-z:_-]{1,}", shape.pattern) is None] == []
