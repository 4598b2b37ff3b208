"""Decisions on CLI agents: what to begin, what to read on, what a result is; and what Claude Code's lines mean."""

import json
from typing import Any

import pytest

from domain.briefs import Brief
from domain.cli_agents import (
    CliEvent,
    Failed,
    Follow,
    HandedIn,
    Launched,
    Noticed,
    Prompt,
    Said,
    Start,
    first_text,
    hand_in_schema,
    judged,
    last_told,
    next_move,
    resumed_text,
    session_of,
)
from domain.conversations import GaveUp
from domain.outcomes import Handover
from domain.roles import Role
from domain.usage import TokenUsage
from tasks.cli.claude_code import CLAUDE_CODE

DEVELOPER = Role[Handover](name="developer", system="s", model="m", output=Handover, hand_in="finish", may_give_up=True)
OWNER = Role[Brief](name="product_owner", system="s", model="m", output=Brief, hand_in="submit_brief")


def launched(number: int, key: str, state: str, told: int = 0) -> Launched:
    return Launched.model_validate({"number": number, "key": key, "state": state, "told": told})


@pytest.mark.parametrize(
    ("found", "move"),
    [
        ([], Start(number=1, interrupted=False)),
        ([launched(1, "1.0", "ended")], Start(number=2, interrupted=False)),
        ([launched(1, "2.0", "running", 40)], Follow(number=1, told=40)),
        ([launched(1, "2.0", "ended"), launched(2, "2.0-again", "running")], Follow(number=1, told=0)),
        ([launched(1, "2.0", "dead")], Start(number=2, interrupted=True)),
        ([launched(1, "2.0", "discarded"), launched(2, "2.0", "ended", 9)], Follow(number=2, told=9)),
        ([launched(n, "2.0", "unanswered") for n in range(1, 6)], Start(number=6, interrupted=True)),
        ([launched(n, "2.0", "dead") for n in (1, 2, 3)], Failed(reason="broken", detail="it died 3 times")),
    ],
)
def test_nothing_is_begun_twice(found: list[Launched], move: Follow | Start | Failed) -> None:
    assert next_move(found, "2.0") == move


@pytest.mark.parametrize(("key", "number"), [("1.0", 0), ("12.7", 7), ("3.4-again", 4), ("task", 0), ("1.x", 0)])
def test_key_tells_which_remark_was_told_last(key: str, number: int) -> None:
    assert last_told(key) == number


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (None, "without handing in"),
        ("text", "give either"),
        ({}, "give either"),
        ({"result": {"summary": "s"}, "give_up": "why"}, "give either"),
        ({"result": {"summary": ""}}, "summary"),
        ({"result": {"summary": "s", "commit": "x"}}, "commit"),
        ({"result": [1]}, "does not fit"),
    ],
)
def test_result_that_does_not_fit_is_said(raw: Any, says: str) -> None:
    complaint = judged(raw, DEVELOPER)
    assert isinstance(complaint, str)
    assert says in complaint


def test_result_and_giving_up_are_told_apart() -> None:
    assert judged({"result": {"summary": "s"}}, DEVELOPER) == Handover(summary="s")
    assert judged({"give_up": "no key"}, DEVELOPER) == GaveUp(reason="gave up", detail="no key", steps=0)
    assert isinstance(judged({"give_up": "no"}, OWNER), str)


def test_schema_of_a_role_that_may_give_up_holds_both_ends_and_all_definitions() -> None:
    schema = hand_in_schema(DEVELOPER)
    assert set(schema["properties"]) == {"result", "give_up"}
    assert schema["type"] == "object"
    assert "$defs" not in schema["properties"]["result"]
    assert hand_in_schema(OWNER) == Brief.model_json_schema()


def test_session_is_the_conversations_own() -> None:
    assert session_of("r-1/developer") == session_of("r-1/developer") != session_of("r-2/developer")


def test_texts_say_whether_the_work_goes_on_or_begins() -> None:
    assert resumed_text("red", interrupted=False) == "red"
    assert resumed_text("red", interrupted=True).endswith("The last message to you was:\n\nred")
    assert resumed_text(None, interrupted=False).startswith("Go on")
    assert (first_text("do", None), first_text("do", "red")) == ("do", "do\n\n## Where the work stands\nred")


def result(**more: Any) -> dict[str, Any]:
    return {"type": "result", "subtype": "success", "is_error": False, "num_turns": 4, "result": "said", **more}


def api_error(status: int | None, words: str, **more: Any) -> dict[str, Any]:
    return result(is_error=True, api_error_status=status, terminal_reason="api_error", result=words, **more)


ASSISTANT = {
    "type": "assistant",
    "message": {
        "model": "claude-sonnet-5-5",
        "content": [{"type": "tool_use", "id": "toolu_1_0", "name": "Write", "input": {"file_path": "/w/x", "content": "hi"}}],
        "usage": {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": None},
    },
    "parent_tool_use_id": None,
}
SPENT = "API Error: 402 the budget of notes is spent: 5.0000 of 5.00 USD; raise SLIPWAY_BUDGET_USD to go on"
TURNS = "Reached maximum number of turns (1)"
ENDLESS = result(subtype="error_max_turns", is_error=True, result=None, errors=[TURNS])
HOOKED = {
    "type": "system",
    "subtype": "hook_response",
    "hook_event": "PostToolUse",
    "stdout": "{}",
    "stderr": "noticed 00000012\n",
}
FORGED = {"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "x"}], "usage": {"input_tokens": -1}}}


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (ASSISTANT, Said(calls=("Write",), model="claude-sonnet-5-5", tokens=TokenUsage(input=10, output=1))),
        ({"type": "system", "subtype": "init", "tools": ["Bash"]}, None),
        ({"type": "assistant", "message": {"model": "<synthetic>", "content": [{"type": "text", "text": "API Error"}]}}, None),
        ({"type": "assistant", "message": {"content": [{"type": "thinking", "thinking": "hm"}]}}, None),
        (result(structured_output={"a": 1}), HandedIn(raw={"a": 1}, text="said")),
        (result(), HandedIn(raw=None, text="said")),
        (ENDLESS, Failed(reason="out of steps", detail=TURNS)),
        (api_error(402, SPENT, api_error_type="billing_error"), Failed(reason="out of budget", detail=SPENT)),
        (api_error(529, "overloaded"), Failed(reason="busy", detail="overloaded")),
        (api_error(None, "Connection error."), Failed(reason="busy", detail="Connection error.")),
        (api_error(403, "the API key"), Failed(reason="key", detail="the API key")),
        (api_error(401, "Failed to authenticate."), Failed(reason="broken", detail="Failed to authenticate.")),
        (HOOKED, Noticed(remark=12)),
        ({**HOOKED, "stderr": ""}, None),
        ({**HOOKED, "stderr": "noticed " + "9" * 400}, None),
        ({**HOOKED, "stderr": 7}, None),
        (["type"], None),
        ({"type": "assistant", "message": {"content": "not blocks"}}, None),
        ({"type": "assistant", "message": {"content": [7, {"type": "tool_use"}]}}, None),
        (FORGED, Said(calls=("x",))),
    ],
)  # fmt: skip
def test_lines_of_claude_code_are_read_and_forged_ones_do_no_harm(line: Any, event: CliEvent | None) -> None:
    assert CLAUDE_CODE.event(json.dumps(line)) == event


def test_line_that_is_no_json_says_nothing() -> None:
    assert CLAUDE_CODE.event("Killed") is None


def test_claude_code_never_asks_and_loads_nothing_of_the_repository() -> None:
    launch = CLAUDE_CODE.launch(
        Prompt(system="s", model="m", session="u-1", tools=False, result_schema={"type": "object"}, steps=7, max_tokens=900)
    )
    assert launch.argv[:2] == ("sh", "-c")
    assert launch.argv[3:] == (
        "sh", "u-1", "--print", "--verbose", "--output-format", "stream-json", "--permission-mode", "bypassPermissions",
        "--setting-sources", "user", "--strict-mcp-config", "--disable-slash-commands", "--tools", "", "--max-turns", "7",
        "--model", "m", "--append-system-prompt", "s", "--json-schema", '{"type": "object"}',
    )  # fmt: skip
    assert launch.environment["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] == "900"
    assert launch.environment["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "1"


def test_claude_code_with_our_tools_has_no_others_and_its_command_line_holds_no_token() -> None:
    launch = CLAUDE_CODE.launch(
        Prompt(
            system="s",
            model="m",
            session="u-1",
            tools=False,
            served=("costs", "start"),
            result_schema={},
            steps=7,
            max_tokens=9,
        )
    )
    servers = (
        '{"mcpServers": {"slipway": {"type": "http", "url": "${SLIPWAY_TOOLS_URL}", '
        '"headers": {"Authorization": "Bearer ${SLIPWAY_TOOLS_TOKEN}"}}}}'
    )
    assert launch.argv[3:] == (
        "sh", "u-1", "--print", "--verbose", "--output-format", "stream-json", "--permission-mode", "dontAsk",
        "--setting-sources", "user", "--strict-mcp-config", "--disable-slash-commands", "--tools", "", "--max-turns", "7",
        "--model", "m", "--mcp-config", servers, "--allowedTools", "mcp__slipway__costs,mcp__slipway__start",
        "--system-prompt", "s", "--json-schema", "{}",
    )  # fmt: skip
    assert launch.environment["ENABLE_TOOL_SEARCH"] == "false"
