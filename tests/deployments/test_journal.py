"""Lines of a project's history, in the words of a person's language."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.wording.journal import CHANGES, told_change
from domain.audit import AuditLine
from tests.deployments.api_bench import NOON

ROOT = Path(__file__).parents[2]
OF_NO_PROJECT = ("POOL_LINES", "KEY_LINES")
FIGURE = "7"
"""Stands for what differs from line to line: it may be a number, and a name."""


def recorded() -> Iterator[str]:
    """Yield what our code writes into projects' histories, where it stands in the call itself."""
    for path in (each for room in ("tasks", "flows", "deployments") for each in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="record"), args=[whose, _, what, *_]) if ast.unparse(whose) not in OF_NO_PROJECT:
                    match what:
                        case ast.JoinedStr(values=parts):
                            yield "".join(each.value if isinstance(each, ast.Constant) else FIGURE for each in parts)
                        case ast.Constant(value=str(text)):
                            yield text


OF_SECRETS = {f"secret {FIGURE} {what}" for what in ("stored", "made", "rotated")}
"""What `record_stored` is called with."""
SAID = sorted(set(recorded()) - {f"secret {FIGURE} {FIGURE}"} | OF_SECRETS)


def line(what: str) -> AuditLine:
    return AuditLine(project="notes", at=NOON, actor="ann", what=what, why="", version=None)


def test_lines_were_found_in_the_code() -> None:
    assert {"project made", f"domain {FIGURE} added", f"answered question {FIGURE} of {FIGURE}"} < set(SAID)


@pytest.mark.parametrize("what", SAID)
def test_every_line_of_a_history_has_words_in_russian(what: str) -> None:
    words = told_change(line(what), "ru").words
    assert any("а" <= letter <= "я" for letter in words.lower())


def test_a_line_that_nobody_foresaw_is_shown_as_it_was_written() -> None:
    told = told_change(line("the moon was moved"), "ru")
    assert (told.words, told.written) == ("", "the moon was moved")
    assert len({key for _, key in CHANGES}) == len(CHANGES)
