import pytest

from domain.errors import BadInput
from domain.names import (
    REQUEST_LIMIT,
    checked_request,
    checked_slug,
    free_slug,
    secret_block_name,
    slug_from,
)


@pytest.mark.parametrize("good", ["notes", "url-shortener", "a1", "x" * 40])
def test_slug_that_is_a_dns_label_is_taken(good: str) -> None:
    assert checked_slug(good) == good


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a",
        "Notes",
        "../etc",
        "a/b",
        "a--b",
        "-a",
        "a-",
        "1a",
        "кафе",
        "📚",
        "a b",
        "a.b",
        "x" * 41,
        "a\n",
        "localhost",
        "www",
        "r-0123456789",
    ],
)
def test_slug_that_is_none_is_refused_with_a_cure(bad: str) -> None:
    with pytest.raises(BadInput, match=r"use 2 to 40|choose another"):
        checked_slug(bad)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Book Club Votes", "book-club-votes"),
        ("  Café & Bar!  ", "cafe-bar"),
        ("Книги", "app"),
        ("42 answers", "answers"),
        ("www", "app"),
        ("R 0123456789", "app"),
        ("", "app"),
        ("a" * 80, "a" * 32),
    ],
)
def test_slug_of_any_title_can_be_used(title: str, slug: str) -> None:
    assert slug_from(title) == slug
    assert checked_slug(slug_from(title)) == slug


def test_taken_slug_gets_the_first_free_number() -> None:
    assert free_slug("notes", frozenset()) == "notes"
    assert free_slug("notes", frozenset({"notes"})) == "notes-2"
    assert free_slug("notes", frozenset({"notes", "notes-2"})) == "notes-3"
    assert checked_slug(free_slug("x" * 40, frozenset({"x" * 40})))


def test_request_is_stripped() -> None:
    assert checked_request("  a shop\n") == "a shop"


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "empty"), (" \n ", "empty"), ("a" * (REQUEST_LIMIT + 1), "at most"), ("a\x00b", "control"), ("a\ud800b", "control")],
)
def test_request_that_cannot_be_read_is_refused_with_a_cure(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        checked_request(text)


def test_secret_block_is_named_by_the_rule_of_the_design() -> None:
    assert secret_block_name("url-shortener", "API_TOKEN") == "slipway-url-shortener-api-token"
