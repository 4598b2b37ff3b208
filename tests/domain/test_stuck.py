"""What counts as going nowhere, over transcripts written by hand."""

import pytest

from domain.conversations import Message, Text, ToolResult, ToolUse
from domain.stuck import Exchange, alternations, nudge, repeats, same_failures, stuck


def did(command: str, told: str = "ok", number: int = 0) -> Exchange:
    call = ToolUse(id=f"t{number}", name="bash", input={"command": command})
    return Exchange(
        answer=Message(role="assistant", parts=(call,)), results={call.id: ToolResult(tool_use_id=call.id, text=told)}
    )


def talked() -> Exchange:
    return Exchange(answer=Message(role="assistant", parts=(Text(text="hm"),)), results={})


@pytest.mark.parametrize(
    ("done", "count"),
    [
        ([], 0),
        ([did("a")], 1),
        ([did("a", number=1), did("a", number=2)], 2),
        ([did("a"), did("a", "other")], 1),
        ([did("a"), did("b"), did("a")], 1),
        ([did("a"), talked()], 0),
        ([did("a"), talked(), did("a")], 1),
        ([did("a", "at 10:00:01 in 0.1s"), did("a", "at 10:00:09 in 3.2s")], 2),
        ([did("sleep 5; a")] * 9, 0),
        ([did("cat sleepless.txt")] * 3, 3),
    ],
)
def test_repeats(done: list[Exchange], count: int) -> None:
    assert repeats(done) == count


@pytest.mark.parametrize(
    ("done", "count"),
    [
        ([did("a"), did("b"), did("a"), did("b")], 4),
        ([did("x"), did("a"), did("b"), did("a"), did("b"), did("a")], 5),
        ([did("a"), did("a"), did("a")], 0),
        ([did("a"), did("b"), did("a", "new")], 2),
        ([did("a"), did("b"), did("c")], 2),
        ([did("sleep 1"), did("b"), did("sleep 1"), did("b")], 0),
        ([did("a"), talked(), did("a"), talked()], 0),
    ],
)
def test_alternations(done: list[Exchange], count: int) -> None:
    assert alternations(done) == count


RED, OTHER = "assert 1 == 2\n1 failed in 0.5s\n[exit code 1]", "assert 3 == 4\n1 failed in 0.5s\n[exit code 1]"


@pytest.mark.parametrize(
    ("done", "count"),
    [
        ([did("pytest", RED)], 1),
        ([did("pytest -q", RED), did("edit"), did("pytest -q tests", RED.replace("0.5", "0.7"))], 2),
        ([did("pytest", RED), did("pytest", OTHER)], 1),
        ([did("pytest", RED), did("pytest", "1 passed"), did("pytest", RED)], 1),
        ([did("pytest", RED), did("edit")], 0),
        ([did("grep pytest_plugins x", RED)] * 2, 0),
        ([did("cd app && npm run test", RED), did("edit"), did("npm test", RED)], 2),
        ([did("pytest", "1 passed in 0.5s")] * 3, 0),
    ],
)
def test_same_failures(done: list[Exchange], count: int) -> None:
    assert same_failures(done) == count


def test_one_nudge_comes_before_the_end() -> None:
    done = [did("a", number=n) for n in range(4)]
    assert [bool(nudge(done[:n], "finish")) for n in range(5)] == [False, False, False, True, False]
    assert [bool(stuck(done[:n], "finish")) for n in range(5)] == [False, False, False, False, True]
