"""What is listened to at GitHub, by GitHub's own examples."""

import json
from typing import Any

import pytest

from domain.heard import TEXT_LIMIT, Commented, Labelled, Pushed, Unreadable, heard
from tests.fakes.github_webhooks import EVENTS, REPOSITORY, THEN, WHO, command, payload

AFTER = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"


def test_push_to_the_main_branch_is_heard() -> None:
    told = heard("push", payload("push", head_commit={"message": "One\n\nmore"}), "slipway")
    assert isinstance(told, Pushed)
    assert (told.repository, told.sender, told.after, told.before) == (REPOSITORY, WHO, AFTER, "0" * 40)
    assert (told.title, told.forced, told.happened < THEN) == ("One", False, True)


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
