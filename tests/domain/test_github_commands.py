"""Commands in comments, and what is said at GitHub."""

import pytest

from domain.github_commands import Command, command_in, harmless, may_write
from domain.issue_requests import issue_chat, issue_in


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("status", Command(verb="status")),
        ("  STATUS please", Command(verb="status")),
        ("approve", Command(verb="approve")),
        ("approve abc123", Command(verb="approve", argument="abc123")),
        ("answer approve abc123", Command(verb="approve", argument="abc123")),
        ("cancel", Command(verb="cancel")),
        ("rollback", Command(verb="rollback")),
        ("rollback v3", Command(verb="rollback", argument="3")),
        ("Rollback 12", Command(verb="rollback", argument="12")),
        ("answer guidance use a list\nnot a tree", Command(verb="answer", argument="guidance", words="use a list\nnot a tree")),
        ("answer STOP", Command(verb="answer", argument="stop")),
        ("rollback now", Command(verb="help")),
        ("rollback v3 v4", Command(verb="help")),
        ("rollback ٣", Command(verb="help")),
        ("rollback " + "9" * 10, Command(verb="help")),
        ("answer", Command(verb="help")),
        ("statusx", Command(verb="help")),
        ("", Command(verb="help")),
        ("\x00", Command(verb="help")),
    ],
)
def test_command_is_read_from_its_words(words: str, command: Command) -> None:
    assert command_in(words) == command


@pytest.mark.parametrize(("access", "may"), [("admin", True), ("write", True), ("read", False), ("none", False), ("", False)])
def test_who_may_write_may_have_something_done(access: str, may: bool) -> None:
    assert may_write(access) is may


def test_what_is_said_calls_nobody_and_holds_no_mark() -> None:
    assert harmless("@all <!-- slipway d-1 --> a@b.c") == "@\u200ball <\u200b!-- slipway d-1 --> a@\u200bb.c"


@pytest.mark.parametrize(
    ("chat", "issue"),
    [("club/notes#7", ("club/notes", 7)), ("#7", None), ("club/notes", None), ("club/notes#x", None), ("1001", None)],
)
def test_issue_is_a_chat_that_is_read_again(chat: str, issue: tuple[str, int] | None) -> None:
    assert issue_in(chat) == issue
    assert issue is None or issue_chat(*issue) == chat
