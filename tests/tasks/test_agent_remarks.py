"""What the person says during the work reaches the agent at its next step, once."""

import pytest

from domain.conversations import Finished, Heard
from domain.errors import EngineUnreachable
from domain.redaction import Redactor
from domain.remarks import as_told
from tasks.agent_calls import INTERRUPTED
from tasks.redaction import install
from tests.fakes.messages_api import Asked, Say, ScriptedMessagesAPI, text, thinking, use
from tests.tasks.agent_desk import DONE, Desk, nudges, results

BLUE, GREEN = as_told("make it blue"), as_told("no, green")


def heard(desk: Desk) -> list[int]:
    return [part.sequence for message in desk.messages for part in message.parts if isinstance(part, Heard)]


async def test_a_remark_stands_beside_the_results_of_the_step_in_which_it_was_made() -> None:
    def answer(asked: Asked) -> Say:
        if asked.turn == 0:
            desk.remarks.say("make it blue")
            desk.remarks.say("no, green")
            return Say([thinking(), use("bash", command="a"), use("bash", command="b")])
        return Say([DONE])

    with ScriptedMessagesAPI(answer) as api:
        desk = Desk(api.url)
        assert isinstance(await desk.talk(), Finished)
        api.assert_exhausted()
    assert [block["type"] for block in api.requests[1].last_blocks] == ["tool_result", "tool_result", "text", "text"]
    assert nudges(api.requests[1]) == [BLUE, GREEN]
    assert heard(desk) == [1, 2]


async def test_a_remark_from_before_the_work_stands_beside_the_task() -> None:
    with ScriptedMessagesAPI([Say([DONE])]) as api:
        desk = Desk(api.url)
        desk.remarks.say("make it blue")
        await desk.talk()
        api.assert_exhausted()
    assert nudges(api.requests[0]) == ["Build it.", BLUE]


async def test_work_is_not_over_before_a_remark_was_read() -> None:
    def answer(asked: Asked) -> Say:
        if asked.turn == 0:
            desk.remarks.say("make it blue")
        return Say([DONE])

    with ScriptedMessagesAPI(answer) as api:
        desk = Desk(api.url)
        end = await desk.talk()
        api.assert_exhausted()
    assert isinstance(end, Finished)
    assert end.steps == 2
    assert results(api.requests[1]) == [(INTERRUPTED, True)]
    assert nudges(api.requests[1]) == [BLUE]


async def test_a_person_who_interrupts_often_does_not_make_the_work_look_stuck() -> None:
    def answer(asked: Asked) -> Say:
        if asked.turn < 6:
            desk.remarks.say(f"wish {asked.turn}")
        return Say([DONE])

    with ScriptedMessagesAPI(answer) as api:
        desk = Desk(api.url)
        end = await desk.talk()
        api.assert_exhausted()
    assert isinstance(end, Finished)
    assert heard(desk) == [1, 2, 3, 4, 5, 6]


async def test_a_remark_is_heard_once_also_across_a_kill() -> None:
    first, second = Say([use("bash", command="a")]), Say([use("bash", command="b")])
    with ScriptedMessagesAPI([first, second, Say([DONE])]) as api:
        desk = Desk(api.url)
        desk.remarks.say("make it blue")
        for command in "ab":
            desk.fail = {command: EngineUnreachable("docker", "running")}
            with pytest.raises(EngineUnreachable):
                await desk.talk()
            desk.fail = {}
        await desk.talk()
        api.assert_exhausted()
    assert [str(asked.body["messages"]).count("make it blue") for asked in api.requests] == [1, 1, 1]
    assert heard(desk) == [1]


async def test_a_remark_between_two_rounds_is_heard_in_the_later_one() -> None:
    with ScriptedMessagesAPI([Say([DONE]), Say([DONE])]) as api:
        desk = Desk(api.url)
        await desk.talk()
        desk.remarks.say("make it blue")
        await desk.talk(follow_up="Round 2: a test fails.")
        api.assert_exhausted()
    assert nudges(api.requests[1]) == ["Round 2: a test fails.", BLUE]


async def test_nothing_stands_between_a_paused_answer_and_its_end() -> None:
    def answer(asked: Asked) -> Say:
        if len(api.requests) == 1:
            desk.remarks.say("make it blue")
            return Say([text("hm")], stop_reason="pause_turn")
        return Say([use("bash", command="a")] if len(api.requests) == 2 else [DONE])

    with ScriptedMessagesAPI(answer) as api:
        desk = Desk(api.url)
        assert isinstance(await desk.talk(), Finished)
        api.assert_exhausted()
    assert nudges(api.requests[2]) == [BLUE]


async def test_a_known_secret_in_a_remark_does_not_reach_the_model() -> None:
    install(Redactor({"REMARKED": "a-secret-in-a-remark"}))
    with ScriptedMessagesAPI([Say([DONE])]) as api:
        desk = Desk(api.url)
        desk.remarks.say("use a-secret-in-a-remark")
        await desk.talk()
        api.assert_exhausted()
    assert nudges(api.requests[0])[1] == as_told("use «secret REMARKED»")
