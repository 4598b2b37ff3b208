"""JSON of strangers: a value, or ValueError with a sentence."""

import pytest

from domain.health import Probe
from domain.json_text import read_json
from domain.matching import HttpAnswer
from tasks.cli.claude_code import CLAUDE_CODE

DEEP = "[" * 100_000


@pytest.mark.parametrize("text", ["", "{", DEEP, '{"a":' * 5_000, r'"\ud83d"', "1" * 5_000, b"\xff", "\ud800", "\x00"])
def test_what_is_no_json_is_a_value_error_whatever_it_is(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_json(text)


def test_json_is_read() -> None:
    assert read_json('{"a": [1, 2.5, null, "ü\\u0000"]}') == {"a": [1, 2.5, None, "ü\x00"]}


def test_app_or_agent_that_answers_with_endless_brackets_has_said_nothing() -> None:
    assert Probe(status=503, body=DEEP).reason == ""
    with pytest.raises(ValueError, match=r"\w"):
        HttpAnswer(status=200, body=DEEP).json_body()
    assert CLAUDE_CODE.event(DEEP) is None
    assert CLAUDE_CODE.event('{"type": "result", "is_error": true, "errors": 5}') is not None
