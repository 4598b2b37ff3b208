"""Work that leads nowhere: one nudge, then the end; and what only looks like it."""

import pytest

from domain.conversations import Finished, GaveUp
from domain.stuck import patterns
from tests.fakes.messages_api import Asked, Say, ScriptedMessagesAPI, text, use
from tests.tasks.agent_desk import DONE, Desk, nudges, play

TALKING, REPEATING, ALTERNATING, SAME_FAILURE = (pattern.nudge for pattern in patterns((), "finish"))
RED = "tests/test_a.py F\n>   assert 1 == 2\n1 failed in {0}.1{0}s\n[exit code 1]"


async def lead(*commands: str, outputs: dict[str, str] | None = None) -> tuple[Finished[object] | GaveUp, list[list[str]]]:
    """Play one command after the other and then the end; return how it ended, and what was said beside the results."""

    def answer(asked: Asked) -> Say:
        return Say([use("bash", command=commands[asked.turn])] if asked.turn < len(commands) else [DONE])

    with ScriptedMessagesAPI(answer) as api:
        desk = Desk(api.url)
        desk.outputs = outputs or {}
        end = await desk.talk()
        api.assert_exhausted()
    return end, [nudges(asked) for asked in api.requests[1:]]


async def test_talk_without_tools_is_nudged_twice_and_then_stuck() -> None:
    end, _, requests = await play(Say([text("Hm.")]), Say([text("So.")]), Say([text("Well.")]))
    assert end == GaveUp(reason="stuck", detail="the model answered 3 times without calling a tool; last: Well.", steps=3)
    assert [nudges(asked) for asked in requests[1:]] == [[TALKING], [TALKING]]


async def test_the_same_call_with_the_same_result_brings_one_nudge_and_then_the_end() -> None:
    end, said = await lead(*["ls"] * 5)
    assert end == GaveUp(reason="stuck", detail="the model repeated the same call (bash) with the same result 4 times", steps=4)
    assert said == [[], [], [REPEATING]]


async def test_results_that_differ_only_in_times_and_ports_are_the_same() -> None:
    def answer(asked: Asked) -> Say:
        desk.output = f"12:00:0{asked.turn} listening on 127.0.0.1:400{asked.turn} after 0.{asked.turn}s"
        return Say([use("bash", command="./serve")])

    with ScriptedMessagesAPI(answer) as api:
        desk = Desk(api.url)
        end = await desk.talk()
    assert isinstance(end, GaveUp)
    assert end.reason == "stuck"


async def test_the_same_call_with_another_result_is_progress() -> None:
    with ScriptedMessagesAPI(lambda asked: Say([DONE if asked.turn == 5 else use("bash", command="ls")])) as api:
        desk = Desk(api.url)
        desk.output = "count"
        assert isinstance(await desk.talk(), Finished)


async def test_something_else_after_the_nudge_goes_on() -> None:
    end, said = await lead("ls", "ls", "ls", "pwd", "ls")
    assert isinstance(end, Finished)
    assert said == [[], [], [REPEATING], [], []]


async def test_two_calls_by_turns_bring_one_nudge_and_then_the_end() -> None:
    end, said = await lead(*["a", "b"] * 4)
    assert isinstance(end, GaveUp)
    assert end.detail.startswith("the model went back and forth between the same two calls")
    assert end.steps == 6
    assert said == [[], [], [], [ALTERNATING], []]


async def test_two_calls_by_turns_of_which_one_tells_something_new_are_progress() -> None:
    with ScriptedMessagesAPI(lambda a: Say([DONE if a.turn == 8 else use("bash", command="ab"[a.turn % 2])])) as api:
        desk = Desk(api.url)
        desk.output, desk.outputs = "count", {"a": "edited"}
        assert isinstance(await desk.talk(), Finished)


async def test_the_same_test_failure_between_changes_brings_one_nudge_and_then_the_end() -> None:
    reds = {f"pytest -q # {n}": RED.format(n) for n in range(4)}
    end, said = await lead(*(word for n in range(4) for word in (f"edit {n}", f"pytest -q # {n}")), outputs=reds)
    assert end == GaveUp(reason="stuck", detail="the tests failed 3 times in exactly the same way", steps=6)
    assert said == [[], [], [], [SAME_FAILURE], []]


async def test_another_failure_is_progress() -> None:
    reds = {f"npm test # {n}": RED.format(0).replace("1 == 2", f"{n} == 9") for n in range(4)}
    end, said = await lead(*(word for n in range(4) for word in (f"edit {n}", f"npm test # {n}")), outputs=reds)
    assert isinstance(end, Finished)
    assert not any(said)


@pytest.mark.parametrize(
    "commands", [["sleep 60; tail -n 1 log"] * 9, ["sleep 30", "tail -n 1 log"] * 5, ["wait; cat log"] * 8]
)
async def test_waiting_for_something_that_takes_long_is_never_stuck(commands: list[str]) -> None:
    end, said = await lead(*commands)
    assert isinstance(end, Finished)
    assert not any(said)
