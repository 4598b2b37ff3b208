"""What is listened to at GitHub, by GitHub's own examples."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from domain.heard import Commented, Event, Labelled, Moved, Pushed
from domain.payloads import TEXT_LIMIT, Unreadable, heard
from domain.webhooks import Webhook, is_late
from tests.fakes.github_webhooks import EVENTS, REPOSITORY, THEN, WHO, command, payload

AFTER = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"


def test_push_to_the_main_branch_is_heard() -> None:
    told = heard("push", payload("push", head_commit={"message": "One\n\nmore"}), "slipway")
    assert isinstance(told, Pushed)
    assert (told.repository, told.sender, told.after, told.before) == (REPOSITORY, WHO, AFTER, "0" * 40)
    assert (told.title, told.forced, told.happened < THEN) == ("One", False, True)


@pytest.mark.parametrize("branch", ["trunk", "release/2026", "основная", "a+b@c#1", "v1.0"])
def test_main_branch_is_heard_however_it_is_called(branch: str) -> None:
    told = heard("push", payload("push", ref=f"refs/heads/{branch}", repository__default_branch=branch), "slipway")
    assert isinstance(told, Pushed)
    assert told.branch == branch
    assert heard("issue_comment", command("/slipway status", repository__default_branch=branch), "slipway") is not None


@pytest.mark.parametrize(
    "branch", ["", "a b", "a..b", "-x", "a:b", "a*", "/a", "a/", ".a", "a.lock", "a@{b", "a\x7f", "a/.b", "a\\b"]
)
def test_branch_that_git_cannot_have_is_refused(branch: str) -> None:
    with pytest.raises(Unreadable, match="default_branch"):
        heard("push", payload("push", ref=f"refs/heads/{branch}", repository__default_branch=branch), "slipway")


def test_managed_users_are_heard() -> None:
    told = heard("push", payload("push", sender__login="anna-berg_corp"), "slipway")
    assert told is not None
    assert told.sender == "anna-berg_corp"


def test_label_makes_an_issue_a_request_with_its_own_words() -> None:
    told = heard("issues", payload("labeled"), "bug")
    assert isinstance(told, Labelled)
    assert (told.issue, told.title) == (1, "Spelling error in the README file")
    assert told.text.startswith("It looks like you accidently spelled 'commit' with two 't's.")
    without = heard("issues", payload("labeled", issue__body=None, issue__title="\x1b[31mRed\x00"), "bug")
    assert isinstance(without, Labelled)
    assert (without.title, without.text) == ("Red", "")
    long = heard("issues", payload("labeled", issue__body="x" * 70_000), "bug")
    assert isinstance(long, Labelled)
    assert len(long.text) == TEXT_LIMIT


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("/slipway rollback", "rollback"),
        ("  /slipway   status  ", "status"),
        ("/slipway\nanswer guidance\nuse a list", "answer guidance\nuse a list"),
        ("/slipway", ""),
        ("/slipway откат\u202e", "откат\u202e"),
    ],
)
def test_command_in_a_comment_is_heard(said: str, words: str) -> None:
    told = heard("issue_comment", command(said, 7), "slipway")
    assert isinstance(told, Commented)
    assert (told.issue, told.comment, told.words, told.sender) == (1, 7, words, WHO)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("push_deleted", {}),
        ("push_tag", {}),
        ("push", {"ref": "refs/heads/feature"}),
        ("push", {"ref": "refs/heads/master/x"}),
        ("push", {"ref": "refs/tags/master"}),
        ("push", {"sender__type": "Bot"}),
        ("push", {"after": "0" * 40}),
        ("labeled", {"label__name": "slipway", "sender__type": "Bot"}),
        ("labeled", {}),
        ("labeled", {"label__name": "Slipway"}),
        ("labeled", {"label__name": "slipway", "issue__pull_request": {"url": "x"}}),
        ("unlabeled", {"label__name": "slipway"}),
        ("comment", {}),
        ("comment", {"comment__body": ""}),
        ("comment", {"comment__body": "say /slipway rollback"}),
        ("comment", {"comment__body": "/slipways rollback"}),
        ("comment", {"comment__body": "/slipway rollback", "sender__type": "Bot"}),
        ("comment_edited", {"comment__body": "/slipway rollback"}),
        ("ping", {}),
        ("star", {}),
    ],
)
def test_all_else_is_let_go(name: str, changed: dict[str, Any]) -> None:
    assert heard(EVENTS[name], payload(name, **changed), "slipway") is None


@pytest.mark.parametrize(
    ("changes", "former"),
    [
        ({"repository": {"name": {"from": "Old-World"}}}, "Codertocat/Old-World"),
        ({"owner": {"from": {"user": {"login": "octocat"}}}}, "octocat/Hello-World"),
        ({"owner": {"from": {"organization": {"login": "club"}}}}, "club/Hello-World"),
        ({}, REPOSITORY),
    ],
)
def test_repository_that_has_another_name_is_heard_by_both(changes: dict[str, Any], former: str) -> None:
    told = heard("repository", payload("star", action="renamed", changes=changes), "slipway")
    assert told == Moved(repository=REPOSITORY, sender=WHO, former=former)
    assert heard("repository", payload("star", action="edited", changes=changes), "slipway") is None


def test_push_that_does_not_say_when_is_heard_all_the_same() -> None:
    told = heard("push", payload("push", repository__pushed_at=None), "slipway")
    assert told is not None
    assert told.happened is None


WRONG = (None, "", [], {}, 0, -1, 2**70, 1.5, True, "x" * 70_000, "\x00\u202e", "0001-01-01T00:00:00+14:00", "9" * 30, "\ud800")
MISSING = object()


def places(document: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every key of an object within."""
    for key, value in document.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from places(value, (*path, key))


def changed(document: Any, path: tuple[str, ...], value: Any) -> Any:
    """Return the document with another value there, or without it."""
    first, *rest = path
    if not rest and value is MISSING:
        return {key: each for key, each in document.items() if key != first}
    return {**document, first: changed(document[first], tuple(rest), value) if rest else value}


def heard_or_refused(event: str, body: bytes) -> Event | str | None:
    try:
        return heard(event, body, "slipway")
    except Unreadable as refused:
        return str(refused)


MOVED = payload(
    "star", action="renamed", changes={"owner": {"from": {"user": {"login": "a"}}}, "repository": {"name": {"from": "b"}}}
)


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("push", payload("push")),
        ("issues", payload("labeled", label__name="slipway")),
        ("issue_comment", command("/slipway status")),
        ("repository", MOVED),
    ],
)
def test_whatever_stands_in_any_field_is_heard_let_go_or_refused_in_a_sentence(event: str, body: bytes) -> None:
    document = json.loads(body)
    for path in places(document):
        for value in (MISSING, *WRONG):
            told = heard_or_refused(event, json.dumps(changed(document, path, value)).encode())
            if isinstance(told, str):
                assert len(told) < 400
            elif told is not None:
                assert Webhook(id="d-1", digest="0" * 64, event=told, at=THEN).model_dump_json()
                assert is_late(told.happened or THEN, THEN) in (True, False)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{", b'"push"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 10_000, b"{}",
        payload("push", after="--upload-pack=evil"),
        payload("push", repository__full_name="../../etc"),
        payload("push", repository__full_name="a/b\n"),
        payload("push", sender__login="<script>"),
        payload("push", ref=None),
        json.dumps({"repository": {"full_name": "\ud800/x"}}).encode(),
    ],
)  # fmt: skip
def test_body_that_is_not_githubs_says_what_is_wrong_with_it(body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        heard("push", body, "slipway")
    assert len(str(refused.value)) < 400
    assert "pydantic" not in str(refused.value)


def test_number_of_an_issue_that_is_none_is_refused() -> None:
    for number in (0, -1, 2**53, "1; DROP", None, 1.5):
        with pytest.raises(Unreadable):
            heard("issues", payload("labeled", issue__number=number), "bug")
