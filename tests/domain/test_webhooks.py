"""Webhooks of GitHub: whose they are, and whether they are new."""

from datetime import timedelta

import pytest

from domain.webhooks import AHEAD, WINDOW, is_late, is_signed, looks_signed, names_delivery
from tests.fakes.github_webhooks import SECRET, THEN, signature

# GitHub's documentation, "Validating webhook deliveries", testing the webhook payload validation
BODY, SIGNATURE = b"Hello, World!", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_signature_is_the_one_of_githubs_documentation() -> None:
    assert is_signed([SIGNATURE], BODY, SECRET)
    assert signature(BODY) == SIGNATURE


@pytest.mark.parametrize(
    "shown",
    [
        [],
        [SIGNATURE, SIGNATURE],
        [SIGNATURE.replace("sha256", "sha1")],
        [SIGNATURE.removeprefix("sha256=")],
        [SIGNATURE.upper()],
        [SIGNATURE[:-1]],
        [f"{SIGNATURE} "],
        [f"{SIGNATURE}\n"],
        [SIGNATURE.replace("7", "٧")],
        [""],
    ],
)
def test_what_is_not_one_signature_is_none(shown: list[str]) -> None:
    assert not looks_signed(shown)
    assert not is_signed(shown, BODY, SECRET)


@pytest.mark.parametrize(
    ("body", "secret"), [(b"Hello, World", SECRET), (BODY, b"another"), (BODY, b""), (BODY + b"\n", SECRET), (b"", SECRET)]
)
def test_signature_of_another_body_or_secret_is_refused(body: bytes, secret: bytes) -> None:
    assert looks_signed([SIGNATURE])
    assert not is_signed([SIGNATURE], body, secret)


@pytest.mark.parametrize(
    ("id", "event", "is_one"),
    [
        ("72d3162e-cc78-11e3-81ab-4c9367dc0958", "push", True),
        ("", "push", False),
        ("72d3", "", False),
        ("a b", "push", False),
        ("a" * 65, "push", False),
        ("72d3\n", "push", False),
        ("72d3", "Push", False),
        ("72d3", "push\u202e", False),
    ],
)
def test_delivery_has_an_id_and_an_event_as_github_makes_them(id: str, event: str, is_one: bool) -> None:
    assert names_delivery(id, event) is is_one


def test_what_is_older_than_the_window_or_of_tomorrow_is_late() -> None:
    second = timedelta(seconds=1)
    moments = [THEN, THEN - WINDOW, THEN - WINDOW - second, THEN + AHEAD, THEN + AHEAD + second]
    assert [is_late(each, THEN) for each in moments] == [False, False, True, False, True]
