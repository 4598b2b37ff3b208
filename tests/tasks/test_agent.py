"""The loop against the scripted Messages API: real HTTP, real rules, no model."""

import pytest

from domain.conversations import Finished, GaveUp, Text, ToolResult
from domain.errors import EngineUnreachable, ModelKeyRefused
from domain.roles import RoleLimits
from tasks.agent_calls import OVER, replay_tools
from tests.fakes.messages_api import Fault, Say, ScriptedMessagesAPI, text, thinking, use
from tests.tasks.agent_desk import DONE, ROLE, Desk, Work, play, results


async def test_tools_run_until_the_result_is_handed_in() -> None:
    end, desk, requests = await play(Say([thinking(), use("bash", command="ls")]), Say([text("Fine."), DONE]))
    assert end == Finished(value=Work(summary="all done", files=("a.py",)), steps=2)
    assert desk.ran == ["ls"]
    assert results(requests[1]) == [("ok", False)]
    assert [(step.turn, step.calls, step.said) for step in desk.steps] == [(0, ("bash",), ""), (1, ("finish",), "Fine.")]
    assert [tool["name"] for tool in requests[0].body["tools"]] == ["bash", "finish", "give_up"]


async def test_every_call_is_reserved_and_settled_under_its_own_name() -> None:
    _, desk, _ = await play(Say([use("bash", command="ls")]), Fault(529), Say([DONE]))
    assert list(desk.ledger.settled) == ["r-abc123/developer/0/0", "r-abc123/developer/1/1"]
    assert desk.ledger.released == ["r-abc123/developer/1/0"]
    assert desk.ledger.reserved == {}
    assert (await desk.ledger.cost()).micro_usd == sum(step.micro_usd or 0 for step in desk.steps) > 0


async def test_parallel_calls_are_answered_in_one_message_and_the_result_is_looked_at_last() -> None:
    first = Say([use("finish", summary="no"), use("bash", command="a"), use("bash", command="b")])
    end, desk, requests = await play(first, Say([DONE]))
    assert isinstance(end, Finished)
    assert desk.ran == ["a", "b"]
    assert [bad for _, bad in results(requests[1])] == [True, False, False]
    assert "summary: String should have at least 3 characters" in results(requests[1])[0][0]


async def test_only_the_first_accepted_result_of_an_answer_counts() -> None:
    end, desk, _ = await play(Say([DONE, use("give_up", reason="tired")]))
    assert end == Finished(value=Work(summary="all done", files=("a.py",)), steps=1)
    assert [part.text for part in desk.messages[-1].parts if isinstance(part, ToolResult)] == ["accepted", OVER]


async def test_results_that_do_not_validate_end_it_after_four() -> None:
    end, _, requests = await play(*[Say([use("finish", summary="x", more=n)]) for n in range(4)])
    assert isinstance(end, GaveUp)
    assert end.reason == "stuck"
    assert "4 results that were refused" in end.detail
    assert "more: Extra inputs are not permitted" in results(requests[1])[0][0]


async def test_complaints_about_a_result_are_told_to_the_model() -> None:
    end, _, requests = await play(
        Say([use("finish", summary="early")]), Say([DONE]), accept=lambda work: [] if work.files else ["name the files"]
    )
    assert isinstance(end, Finished)
    assert results(requests[1]) == [("not accepted; correct this and hand it in again:\n- name the files", True)]


async def test_the_model_may_give_up_with_a_reason() -> None:
    end, _, requests = await play(Say([use("give_up")]), Say([use("give_up", reason="no such thing")]))
    assert end == GaveUp(reason="gave up", detail="no such thing", steps=2)
    assert results(requests[1]) == [("say the reason", True)]


async def test_a_role_that_may_not_give_up_is_told_so() -> None:
    role = ROLE.model_copy(update={"may_give_up": False})
    _, _, requests = await play(Say([use("give_up", reason="x")]), Say([use("other")]), Say([DONE]), role=role)
    assert results(requests[1]) == [("there is no tool 'give_up'; there are: bash, finish", True)]
    assert results(requests[2]) == [("there is no tool 'other'; there are: bash, finish", True)]


async def test_steps_run_out() -> None:
    role = ROLE.model_copy(update={"limits": RoleLimits(steps=2)})
    end, _, _ = await play(Say([use("bash", command="a")]), Say([use("bash", command="b")]), role=role)
    assert end == GaveUp(reason="out of steps", detail="developer used its 2 steps without a result", steps=2)


async def test_time_runs_out() -> None:
    role = ROLE.model_copy(update={"limits": RoleLimits(seconds=5, retry_seconds=50)})
    end, _, _ = await play(Fault(429, retry_after="7"), Say([use("bash", command="a")]), role=role)
    assert end == GaveUp(reason="out of time", detail="developer used its 5 seconds without a result", steps=1)


async def test_money_runs_out_before_anything_is_sent() -> None:
    _, before, _ = await play(Say([DONE]))
    first_call = before.ledger.most["r-abc123/developer/0/0"]
    with ScriptedMessagesAPI([Say([use("bash", command="a")])]) as api:
        desk = Desk(api.url)
        desk.ledger.budget = first_call
        end = await desk.talk()
        api.assert_exhausted()
    assert isinstance(end, GaveUp)
    assert (end.reason, end.steps) == ("out of budget", 1)
    assert "SLIPWAY_BUDGET_USD" in end.detail
    assert 0 < (await desk.ledger.cost()).micro_usd <= first_call


async def test_a_killed_conversation_goes_on_with_the_calls_that_have_no_result_and_pays_nothing_twice() -> None:
    both = Say([use("bash", command="a"), use("bash", command="b")])
    with ScriptedMessagesAPI([both, Say([DONE])]) as api:
        desk = Desk(api.url)
        desk.fail["b"] = EngineUnreachable("docker", "running b")
        with pytest.raises(EngineUnreachable):
            await desk.talk()
        desk.fail.clear()
        end = await desk.talk()
        api.assert_exhausted()
    assert isinstance(end, Finished)
    assert desk.ran == ["a", "b", "a", "b"]
    assert len(desk.ledger.settled) == 2


async def test_a_conversation_that_ended_returns_its_end_without_a_call() -> None:
    for last in (Say([DONE]), Say([use("give_up", reason="no")]), Say([text("No.")], stop_reason="refusal")):
        with ScriptedMessagesAPI([last]) as api:
            desk = Desk(api.url)
            assert await desk.talk() == await desk.talk()
            api.assert_exhausted()


async def test_a_follow_up_goes_on_in_the_same_conversation_and_is_appended_once() -> None:
    with ScriptedMessagesAPI([Say([thinking(), DONE]), Say([use("bash", command="fix")]), Fault(401), Say([DONE])]) as api:
        desk = Desk(api.url)
        await desk.talk()
        with pytest.raises(ModelKeyRefused):
            await desk.talk(follow_up="Round 2: a test fails.")
        end = await desk.talk(follow_up="Round 2: a test fails.")
        assert await desk.talk(follow_up="Round 2: a test fails.") == end
        api.assert_exhausted()
    assert end == Finished(value=Work(summary="all done", files=("a.py",)), steps=2)
    assert sum(Text(text="Round 2: a test fails.") in message.parts for message in desk.messages) == 1


async def test_a_follow_up_has_its_own_steps() -> None:
    role = ROLE.model_copy(update={"limits": RoleLimits(steps=1)})
    with ScriptedMessagesAPI([Say([use("bash", command="a")]), Say([DONE])]) as api:
        desk = Desk(api.url)
        assert isinstance(await desk.talk(role), GaveUp)
        assert isinstance(await desk.talk(role, follow_up="Round 2: go on."), Finished)
        api.assert_exhausted()


async def test_a_prompt_that_changed_between_two_processes_costs_the_thinking_and_not_the_run() -> None:
    with ScriptedMessagesAPI([Say([thinking(), use("bash", command="a")]), Say([thinking(), DONE])]) as api:
        desk = Desk(api.url)
        desk.fail["a"] = EngineUnreachable("docker", "running a")
        with pytest.raises(EngineUnreachable):
            await desk.talk()
        desk.fail.clear()
        assert isinstance(await desk.talk(ROLE.model_copy(update={"system": "A newer prompt."})), Finished)
    assert len(api.problems) == 1
    assert "The block is bound to a different conversation" in api.problems[0]
    assert len(desk.ledger.settled) == 2


async def test_tools_are_replayed_in_order_without_the_model() -> None:
    cut = Say([use("bash", command="b"), use("bash", command="hal")], stop_reason="max_tokens")
    _, desk, _ = await play(Say([use("bash", command="a"), use("nope")]), cut, Say([use("bash", command="c"), DONE]))
    desk.ran.clear()
    assert await replay_tools(desk.messages, desk) == 3
    assert desk.ran == ["a", "b", "c"]
