"""API keys: what opens, what does not, and what may be done with it."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import BadInput
from domain.keys import (
    USED_EVERY,
    ApiKey,
    KeyState,
    Scope,
    checked_scopes,
    composed,
    digest_of,
    id_in,
    opens,
    state_of,
    use_is_old,
)

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECRET, PEPPER = "s" * 43, b"p" * 32
SHOWN = composed("0123456789ab", SECRET)
DIGEST = digest_of(SHOWN, PEPPER)
KEY = ApiKey(id="0123456789ab", name="ci", owner="local:ann", scopes=(Scope.READ,), digest=DIGEST, created=NOON)
READ, WRITE, OPERATOR = Scope.READ, Scope.WRITE, Scope.OPERATOR


def test_key_shows_its_id_and_no_digest_is_made_without_the_installation() -> None:
    assert f"slipway_0123456789ab_{SECRET}" == SHOWN
    assert (KEY.prefix, id_in(SHOWN)) == ("slipway_0123456789ab_", "0123456789ab")
    assert digest_of(SHOWN, b"q" * 32) != DIGEST
    assert len(DIGEST) == 64


@pytest.mark.parametrize(
    "text",
    [
        "",
        "slipway",
        SHOWN[:-1],
        SHOWN + "a",
        SHOWN + "\n",
        " " + SHOWN,
        SHOWN.upper(),
        SHOWN.replace(SECRET, "ß" * 43),
        "x" * 99,
    ],
)
def test_what_is_no_key_has_no_id(text: str) -> None:
    assert id_in(text) is None


@pytest.mark.parametrize(
    ("change", "at", "state"),
    [
        ({}, NOON, KeyState.ACTIVE),
        ({"expires": NOON}, NOON - timedelta(microseconds=1), KeyState.ACTIVE),
        ({"expires": NOON}, NOON, KeyState.EXPIRED),
        ({"revoked": NOON}, NOON, KeyState.REVOKED),
        ({"revoked": NOON, "expires": NOON}, NOON, KeyState.REVOKED),
    ],
)
def test_only_an_active_key_opens(change: dict[str, datetime], at: datetime, state: KeyState) -> None:
    key = KEY.model_copy(update=change)
    assert state_of(key, at) is state
    assert opens(key, DIGEST, at) is (state is KeyState.ACTIVE)


@pytest.mark.parametrize("digest", ["0" * 64, ""])
def test_another_digest_opens_nothing(digest: str) -> None:
    assert not opens(KEY, digest, NOON)


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        ((), set()),
        ((READ,), {READ}),
        ((WRITE,), {READ, WRITE}),
        ((OPERATOR,), {READ, OPERATOR}),
        ((READ, OPERATOR, WRITE), {READ, WRITE, OPERATOR}),
    ],
)
def test_reading_comes_with_every_scope_and_nothing_else_does(scopes: tuple[Scope, ...], may: set[Scope]) -> None:
    key = KEY.model_copy(update={"scopes": scopes})
    assert {scope for scope in Scope if key.may(scope)} == may


def test_scopes_are_checked() -> None:
    assert checked_scopes(()) == (READ, WRITE)
    assert checked_scopes(("operator", "read", "operator")) == (OPERATOR, READ)
    with pytest.raises(BadInput, match="'admin' is no scope"):
        checked_scopes(("read", "admin"))


def test_last_use_is_old_after_a_while() -> None:
    used = KEY.model_copy(update={"used": NOON})
    assert [use_is_old(KEY, NOON), use_is_old(used, NOON), use_is_old(used, NOON + USED_EVERY)] == [True, False, True]
