"""Codes of invitations: how they look, how they are read, when they count."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.credentials import credential_in
from domain.invitations import BYTES, Invitation, code_in, code_of, digest_of

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
CODE = code_of(bytes(range(BYTES)))


def test_code_fits_a_deep_link_and_is_no_credential() -> None:
    assert CODE == "join-000g-40r4-0m30-e209"
    assert len(CODE) <= 64
    assert credential_in(f"/start {CODE}") is None
    assert code_of(b"\xff" * BYTES) == "join-zzzz-zzzz-zzzz-zzzz"


@pytest.mark.parametrize(
    "typed", [CODE, CODE.upper(), CODE.replace("-", " "), "join000g40r40m30e209", " join-OOOg-4Or4-oM3o-E2O9\n"]
)
def test_code_is_read_however_it_was_typed(typed: str) -> None:
    assert code_in(typed) == CODE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "join",
        "join us at the club",
        CODE[:-1],
        f"{CODE}0",
        CODE.replace("join", "jain"),
        "a page",
        "join-uuuu-uuuu-uuuu-uuuu",
    ],
)
def test_what_is_no_code_is_none(text: str) -> None:
    assert code_in(text) is None


def test_digest_shows_nothing_of_the_code_and_needs_the_key() -> None:
    digest = digest_of(CODE, "key")
    assert digest == digest_of(CODE, "key")
    assert digest not in (digest_of(CODE, "another"), digest_of(CODE[:-1], "key"))
    assert CODE not in digest


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "open"),
        ({"used": 1}, "open"),
        ({"used": 2}, "used up"),
        ({"revoked": NOON}, "revoked"),
        ({"expires": NOON}, "expired"),
        ({"expires": NOON + timedelta(seconds=1)}, "open"),
    ],
)
def test_invitation_counts_until_it_is_used_up_expired_or_revoked(change: dict[str, object], state: str) -> None:
    invitation = Invitation.model_validate({"number": 1, "uses": 2, "by": "local:me", "created": NOON, **change})
    assert (invitation.state(NOON), invitation.counts(NOON)) == (state, state == "open")
