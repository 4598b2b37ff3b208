"""The loop against the scripted Messages API: real HTTP, real rules, no model."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import Field, SecretStr

from blocks.claude import Claude
from domain.conversations import Finished, GaveUp, Message, Text, ToolResult, ToolSpec, ToolUse
from domain.errors import EngineUnreachable, ModelKeyRefused, ModelOverloaded
from domain.roles import CallFacts, Role, RoleLimits, Step
from domain.values import Value
from tasks.agent import REPEATING, Pacing, converse, replay_tools
from tasks.agent_calls import CUT_CALL, OVER
from tests.fakes.conversations import MemoryLedger, MemoryTranscripts
from tests.fakes.messages_api import Answer, Asked, Cut, Fault, Say, ScriptedMessagesAPI, text, thinking, use

FACTS = CallFacts(project="notes", run="r-abc123", conversation="r-abc123/developer")


class Work(Value):
    summary: str = Field(min_length=3)
    files: tuple[str, ...] = ()


ROLE = Role(
    name="developer",
    system="You build things.",
    model="claude-sonnet-5-5",
    output=Work,
    hand_in="finish",
    tools=("bash",),
    may_give_up=True,
    limits=RoleLimits(steps=12, seconds=1000, retry_seconds=100),
)
DONE = use("finish", summary="all done", files=["a.py"])


class Desk:
    """One worker, one store, one clock: what stays when the loop's process dies."""

    def __init__(self, url: str) -> None:
        self.model = Claude(api_key=SecretStr("test-key"), base_url=url)
        self.transcripts = MemoryTranscripts()
        self.ledger = MemoryLedger()
        self.ran: list[str] = []
        self.now = 0.0
        self.slept: list[float] = []
        self.steps: list[Step] = []
        self.fail: dict[str, BaseException] = {}
        self.output = "ok"

    @property
    def specs(self) -> Sequence[ToolSpec]:
        return (ToolSpec(name="bash", type="bash_20250124"), ToolSpec(name="other", input_schema={"type": "object"}))

    async def run(self, call: ToolUse) -> ToolResult:
        command = str(call.input.get("command"))
        self.ran.append(command)
        if command in self.fail:
            raise self.fail[command]
        return ToolResult(tool_use_id=call.id, text=str(len(self.ran)) if self.output == "count" else self.output)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def seen(self, step: Step) -> None:
        self.steps.append(step)

    @property
    def messages(self) -> list[Message]:
        return self.transcripts.stored[FACTS.conversation]

    async def talk(self, role: Role[Work] = ROLE, **more: Any) -> Finished[Work] | GaveUp:
        pacing = Pacing(sleep=self.sleep, jitter=lambda: 1.0)
        return await converse(
            role,
            "Build it.",
            facts=FACTS,
            model=self.model,
            tools=self,
            transcripts=self.transcripts,
            ledger=self.ledger,
            clock=lambda: self.now,
            on_step=self.seen,
            pacing=pacing,
            **more,
        )


async def play(*script: Answer, **more: Any) -> tuple[Finished[Work] | GaveUp, Desk, list[Asked]]:
    with ScriptedMessagesAPI(script) as api:
        desk = Desk(api.url)
        end = await desk.talk(**more)
        api.assert_exhausted()
        return end, desk, api.requests


def results(asked: Asked) -> list[tuple[str, bool]]:
    return [(b["content"], b["is_error"]) for b in asked.last_blocks if b["type"] == "tool_result"]


def nudges(asked: Asked) -> list[str]:
    return [b["text"] for b in asked.last_blocks if b["type"] == "text"]


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


async def test_talk_without_tools_is_nudged_twice_and_then_stuck() -> None:
    end, _, requests = await play(Say([text("Hm.")]), Say([text("So.")]), Say([text("Well.")]))
    assert end == GaveUp(reason="stuck", detail="the model answered 3 times without calling a tool; last: Well.", steps=3)
    assert nudges(requests[1]) == ["Use the tools: go on with the work, or call finish when it is done."]


async def test_an_empty_answer_counts_as_talk_and_does_not_break_the_conversation() -> None:
    end, _, _ = await play(Say([], stop_reason="end_turn"), Say([thinking()], stop_reason="end_turn"), Say([DONE]))
    assert isinstance(end, Finished)


async def test_a_call_cut_by_the_length_limit_is_not_run() -> None:
    cut = Say([use("bash", command="whole"), use("bash", command="hal")], stop_reason="max_tokens")
    _, desk, requests = await play(cut, Say([text("and th")], stop_reason="max_tokens"), Say([DONE]))
    assert desk.ran == ["whole"]
    assert results(requests[1]) == [("ok", False), (CUT_CALL, True)]
    assert nudges(requests[2]) == ["Your answer was cut at its length limit. Go on in smaller pieces, with tool calls."]


async def test_a_refusal_ends_it() -> None:
    end, _, _ = await play(Say([text("I will not.")], stop_reason="refusal"))
    assert end == GaveUp(reason="gave up", detail="the model refused to go on: I will not.", steps=1)


async def test_a_full_window_ends_it() -> None:
    end, _, _ = await play(Say([text("…")], stop_reason="model_context_window_exceeded"))
    assert isinstance(end, GaveUp)
    assert end.detail == "the conversation no longer fits into the model's window"


async def test_a_paused_turn_is_sent_back_as_it_is() -> None:
    end, _, requests = await play(Say([text("Thinking…")], stop_reason="pause_turn"), Say([DONE]))
    assert isinstance(end, Finished)
    assert requests[1].body["messages"][-1]["role"] == "assistant"


async def test_the_same_call_with_the_same_result_brings_one_nudge_and_then_the_end() -> None:
    end, _, requests = await play(*[Say([use("bash", command="ls")]) for _ in range(4)])
    assert end == GaveUp(reason="stuck", detail="the model repeated the same call (bash) with the same result 4 times", steps=4)
    assert [nudges(asked) for asked in requests] == [["Build it."], [], [], [REPEATING]]


async def test_the_same_call_with_another_result_is_progress() -> None:
    with ScriptedMessagesAPI(lambda asked: Say([DONE if asked.turn == 5 else use("bash", command="ls")])) as api:
        desk = Desk(api.url)
        desk.output = "count"
        assert isinstance(await desk.talk(), Finished)


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


@pytest.mark.parametrize("fault", [Fault(429), Fault(500), Fault(529), Cut(Say([text("abc")]), after=4)])
async def test_a_busy_service_is_asked_again_with_growing_waits(fault: Answer) -> None:
    end, desk, _ = await play(fault, fault, fault, Say([DONE]))
    assert isinstance(end, Finished)
    assert desk.slept == [1.0, 2.0, 4.0]


async def test_the_wait_that_the_service_asked_for_is_kept() -> None:
    _, desk, _ = await play(Fault(429, retry_after="33"), Say([DONE]))
    assert desk.slept == [33.0]


async def test_a_service_that_stays_busy_is_an_error_after_the_deadline() -> None:
    with ScriptedMessagesAPI(lambda _: Fault(529)) as api:
        desk = Desk(api.url)
        with pytest.raises(ModelOverloaded):
            await desk.talk()
    assert desk.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert desk.ledger.reserved == {}


async def test_a_refused_key_is_raised_at_once() -> None:
    with ScriptedMessagesAPI([], key="another") as api:
        desk = Desk(api.url)
        with pytest.raises(ModelKeyRefused):
            await desk.talk()
    assert desk.slept == []
    assert desk.ledger.reserved == {}


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


async def test_an_oversized_output_is_cut() -> None:
    with ScriptedMessagesAPI([Say([use("bash", command="cat big")]), Say([DONE])]) as api:
        desk = Desk(api.url)
        desk.output = "x" * 5_000_000
        await desk.talk()
    (shown, _) = results(api.requests[1])[0]
    assert len(shown) == 16_000
    assert "5000000 characters" in shown


async def test_fifty_turns_read_at_least_95_percent_of_their_input_from_the_cache() -> None:
    def answer(asked: Asked) -> Say:
        return Say([thinking(), use("bash", command=f"step {asked.turn}")] if asked.turn < 49 else [DONE])

    role = ROLE.model_copy(update={"system": "You build things. " * 400, "limits": RoleLimits(steps=60)})
    with ScriptedMessagesAPI(answer) as api:
        desk = Desk(api.url)
        desk.output = "some output " * 60
        assert isinstance(await desk.talk(role), Finished)
        api.assert_exhausted()
    used = [asked.usage for asked in api.requests]
    read = sum(usage.cache_read for usage in used)
    assert read / sum(usage.input + usage.cache_read + usage.cache_write for usage in used) >= 0.95


async def test_masking_keeps_a_long_conversation_within_the_rules_on_thinking() -> None:
    def answer(asked: Asked) -> Say:
        return Say([thinking(), use("bash", command=f"step {asked.turn}")] if asked.turn < 70 else [DONE])

    role = ROLE.model_copy(update={"limits": RoleLimits(steps=80)})
    with ScriptedMessagesAPI(answer) as api:
        desk = Desk(api.url)
        desk.output = "y" * 16_000
        assert isinstance(await desk.talk(role), Finished)
        api.assert_exhausted()
    sizes = [asked.usage.input + asked.usage.cache_read + asked.usage.cache_write for asked in api.requests]
    assert max(sizes) < 80_000
