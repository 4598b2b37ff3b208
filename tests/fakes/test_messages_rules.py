"""The scripted API refuses what the real one refuses: a fake that lets everything pass proves nothing."""

import copy
from typing import Any

import pytest

from tests.fakes.messages_rules import broken_rule, broken_thinking, history

CALL = {"type": "tool_use", "id": "t1", "name": "bash", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "ok"}
MARK = {"cache_control": {"type": "ephemeral"}}
GOOD: dict[str, Any] = {
    "model": "m",
    "max_tokens": 10,
    "system": "s",
    "tools": [{"name": "bash", "type": "bash_20250124"}, {"name": "finish", "input_schema": {"type": "object"}}],
    "messages": [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [RESULT]},
    ],
}


def picture(media_type: str = "image/png", data: str = "iVBORw0KGgpwaXhlbHM=") -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def with_messages(*messages: tuple[str, Any]) -> dict[str, Any]:
    return GOOD | {"messages": [{"role": role, "content": content} for role, content in messages]}


def test_a_good_request_passes() -> None:
    assert broken_rule(GOOD, paused=False) is None
    assert broken_rule(with_messages(("user", "a"), ("user", "b")), paused=False) is None
    assert broken_rule(with_messages(("user", [picture()])), paused=False) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({key: value for key, value in GOOD.items() if key != "max_tokens"}, "max_tokens"),
        (GOOD | {"temperature": 0}, "temperature"),
        (GOOD | {"thinking": {"type": "disabled"}}, "thinking"),
        (GOOD | {"tools": [GOOD["tools"][0]] * 2}, "unique"),
        (GOOD | {"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "name"),
        (GOOD | {"tools": [{"name": "a"}]}, "input_schema"),
        (GOOD | {"tool_choice": "auto"}, "tool_choice"),
        (GOOD | {"tool_choice": {"type": "tool", "name": "finish"}}, "forced"),
        (with_messages(("assistant", "a"), ("user", "b")), "first message"),
        (with_messages(("user", "a"), ("assistant", "b")), "prefill"),
        (with_messages(("user", [])), "non-empty"),
        (with_messages(("user", [{"type": "text", "text": " "}])), "non-whitespace"),
        (with_messages(("system", "a")), "role"),
        (with_messages(("user", [picture(media_type="image/tiff")])), "media_type"),
        (with_messages(("user", [picture(data="no base64!")])), "valid base64"),
        (with_messages(("user", [picture(media_type="image/gif")])), "does not appear to be a valid image/gif"),
        (with_messages(("user", [picture(data="A" * 6_000_000)])), "exceeds 5 MB"),
        (with_messages(("user", "a"), ("assistant", [picture()]), ("user", "b")), "only the user role"),
        (with_messages(("user", "a"), ("assistant", [CALL]), ("user", "b")), "without `tool_result`"),
        (with_messages(("user", [RESULT])), "unexpected `tool_use_id`"),
        (with_messages(("user", "a"), ("assistant", [CALL, CALL]), ("user", [RESULT])), "unique"),
        (
            with_messages(("user", "a"), ("assistant", [CALL]), ("user", [{"type": "text", "text": "b"}, RESULT])),
            "must come first",
        ),
        (with_messages(("user", [{"type": "text", "text": "b", **MARK}] * 5)), "maximum of 4"),
        (
            with_messages(("user", "a"), ("assistant", [{"type": "thinking", **MARK}]), ("user", "b")),
            "cannot have cache_control",
        ),
    ],
)
def test_each_broken_rule_is_named(body: dict[str, Any], said: str) -> None:
    assert said in str(broken_rule(body, paused=False))


def thinking(signature: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": "", "signature": signature}


BOUND = {
    "s1": history(with_messages(("user", "a"))),
    "s2": history(with_messages(("user", "a"), ("assistant", [thinking("s1"), CALL]), ("user", [RESULT]))),
}
LATER = with_messages(
    ("user", "a"),
    ("assistant", [thinking("s1"), CALL]),
    ("user", [RESULT]),
    ("assistant", [thinking("s2"), CALL | {"id": "t2"}]),
    ("user", [RESULT | {"tool_use_id": "t2"}]),
)


def test_thinking_after_an_unchanged_past_passes_also_without_the_oldest() -> None:
    assert broken_thinking(LATER, BOUND) is None
    without = copy.deepcopy(LATER)
    del without["messages"][1]["content"][0]
    assert broken_thinking(without, BOUND) is None


def test_thinking_after_a_changed_past_is_refused() -> None:
    changed = copy.deepcopy(LATER)
    changed["messages"][2]["content"][0]["content"] = "masked"
    assert "bound to a different conversation" in str(broken_thinking(changed, BOUND))
    prompt = copy.deepcopy(LATER) | {"system": "another"}
    assert "bound to a different conversation" in str(broken_thinking(prompt, BOUND))


def test_thinking_that_nobody_signed_is_refused() -> None:
    assert "Invalid `signature`" in str(broken_thinking(LATER, {}))
