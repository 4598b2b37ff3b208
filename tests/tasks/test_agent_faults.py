"""Faults of the service and of the model's answers, each over HTTP: the run goes on, and only answers are booked."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from domain.conversations import Finished, GaveUp
from domain.errors import ModelKeyRefused, ModelOverloaded, ServiceUnreachable
from domain.prices import cost
from domain.roles import RoleLimits
from tasks.agent_calls import CUT_CALL, MALFORMED
from tasks.conversation import CUT_TEXT
from tests.fakes.messages_api import (
    Answer,
    Asked,
    Cut,
    ErrorInStream,
    Fault,
    Garbage,
    Hang,
    Say,
    ScriptedMessagesAPI,
    Stall,
    garbled,
    text,
    thinking,
    use,
)
from tests.tasks.agent_desk import DONE, ROLE, Desk, nudges, play, results

OTHER = "claude-haiku-5-5"
QUICK = {"silence_seconds": 0.2}


# the service


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, "rate_limit_error"),
        Fault(500),
        Fault(529, "overloaded_error"),
        ErrorInStream("overloaded_error"),
        Cut(Say([text("abc")]), after=4),
        Stall(Say([text("abc")]), after=4),
        Hang(),
        Garbage(),
    ],
    ids=lambda fault: f"{type(fault).__name__} {getattr(fault, 'status', '')}".strip(),
)
async def test_a_fault_is_asked_again_with_growing_waits_and_costs_nothing(fault: Answer) -> None:
    end, desk, requests = await play(fault, fault, Say([DONE]), claude=QUICK)
    assert isinstance(end, Finished)
    assert desk.slept == [1.0, 2.0]
    assert len(requests) == 3
    assert list(desk.ledger.settled) == ["r-abc123/developer/0/2"]
    assert desk.ledger.released == ["r-abc123/developer/0/0", "r-abc123/developer/0/1"]


async def test_the_wait_that_the_service_asked_for_is_kept() -> None:
    _, desk, _ = await play(Fault(429, retry_after="33"), Say([DONE]))
    assert desk.slept == [33.0]


async def test_waits_are_spread_by_half() -> None:
    with ScriptedMessagesAPI([Fault(529), Fault(529), Say([DONE])]) as api:
        desk = Desk(api.url)
        desk.jitter = 0.0
        await desk.talk()
        api.assert_exhausted()
    assert desk.slept == [0.5, 1.0]


async def test_a_service_that_stays_busy_is_an_error_after_the_deadline() -> None:
    with ScriptedMessagesAPI(lambda _: Fault(529)) as api:
        desk = Desk(api.url)
        with pytest.raises(ModelOverloaded):
            await desk.talk()
    assert desk.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert desk.ledger.reserved == {}


@contextmanager
def deaf_port() -> Iterator[str]:
    """Yield an address at which no connection is ever made: the queue of those that wait is full."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


async def test_a_connection_that_is_never_made_is_tried_again_until_the_deadline() -> None:
    role = ROLE.model_copy(update={"limits": RoleLimits(retry_seconds=2)})
    with deaf_port() as url:
        desk = Desk(url, connect_seconds=0.1)
        with pytest.raises(ServiceUnreachable, match=r"being called: ConnectTimeout"):
            await desk.talk(role)
    assert desk.slept == [1.0]
    assert desk.ledger.reserved == {}


async def test_an_answer_that_only_shows_signs_of_life_ends_at_its_limit() -> None:
    _, desk, _ = await play(Stall(Say([text("a")]), pings=True), Say([DONE]), claude={"call_seconds": 0.3})
    assert desk.slept == [1.0]


async def test_a_refused_key_is_raised_at_once() -> None:
    with ScriptedMessagesAPI([], key="another") as api:
        desk = Desk(api.url)
        with pytest.raises(ModelKeyRefused):
            await desk.talk()
    assert desk.slept == []
    assert desk.ledger.reserved == {}


# the answers


async def test_input_that_is_no_json_is_told_to_the_model_and_the_answer_is_booked() -> None:
    first = Say([garbled("bash", '{"command": ls}'), use("bash", command="pwd")])
    end, desk, requests = await play(first, Say([garbled("finish", '["done"]')]), Say([DONE]))
    assert isinstance(end, Finished)
    assert desk.ran == ["pwd"]
    assert results(requests[1]) == [(MALFORMED, True), ("ok", False)]
    assert results(requests[2]) == [(MALFORMED, True)]
    assert len(desk.ledger.settled) == 3


async def test_calls_of_one_id_are_told_apart() -> None:
    again = Say([use("bash", "t1", command="a"), use("bash", "t1", command="b")])
    end, desk, requests = await play(again, Say([use("bash", "t1", command="c")]), Say([DONE]))
    assert isinstance(end, Finished)
    assert desk.ran == ["a", "b", "c"]
    sent = [block["id"] for message in requests[-1].body["messages"] for block in message["content"] if "id" in block]
    assert sent == ["t1", "t1_2", "t1_3"]


async def test_a_tool_that_does_not_exist_is_told_so() -> None:
    _, desk, requests = await play(Say([use("fly", to="moon")]), Say([DONE]))
    assert desk.ran == []
    assert results(requests[1]) == [("there is no tool 'fly'; there are: bash, finish, give_up", True)]


async def test_an_empty_answer_counts_as_talk_and_does_not_break_the_conversation() -> None:
    end, _, _ = await play(Say([], stop_reason="end_turn"), Say([thinking()], stop_reason="end_turn"), Say([DONE]))
    assert isinstance(end, Finished)


async def test_a_call_cut_by_the_length_limit_is_not_run() -> None:
    cut = Say([use("bash", command="whole"), garbled("bash", '{"command": "hal')], stop_reason="max_tokens")
    _, desk, requests = await play(cut, Say([text("and th")], stop_reason="max_tokens"), Say([DONE]))
    assert desk.ran == ["whole"]
    assert results(requests[1]) == [("ok", False), (CUT_CALL, True)]
    assert nudges(requests[2]) == [CUT_TEXT]


async def test_a_refusal_ends_it() -> None:
    end, _, _ = await play(Say([text("I will not.")], stop_reason="refusal"))
    assert end == GaveUp(reason="gave up", detail="the model refused to go on: I will not.", steps=1)


async def test_a_paused_turn_that_calls_tools_is_answered_first() -> None:
    end, desk, _ = await play(Say([use("bash", command="ls")], stop_reason="pause_turn"), Say([DONE]))

    assert isinstance(end, Finished)
    assert desk.ran == ["ls"]


async def test_a_paused_turn_is_sent_back_as_it_is() -> None:
    end, _, requests = await play(Say([text("Thinking…")], stop_reason="pause_turn"), Say([DONE]))
    assert isinstance(end, Finished)
    assert requests[1].body["messages"][-1]["role"] == "assistant"


# the second model


def models(requests: list[Asked]) -> list[str]:
    return [asked.body["model"] for asked in requests]


async def play_two(*script: Answer, **more: Any) -> tuple[Finished[Any] | GaveUp, Desk, list[str]]:
    end, desk, requests = await play(*script, claude={"fallback_model": OTHER}, **more)
    return end, desk, models(requests)


async def test_another_model_is_asked_by_turns_when_the_first_stays_busy() -> None:
    end, desk, asked = await play_two(*[Fault(529)] * 7, Say([DONE]))
    assert isinstance(end, Finished)
    assert asked == [ROLE.model] * 5 + [OTHER, ROLE.model, OTHER]
    assert desk.slept[:4] == [1.0, 2.0, 4.0, 8.0]


async def test_each_attempt_is_reserved_and_settled_at_the_price_of_the_model_that_was_asked() -> None:
    _, desk, asked = await play_two(Fault(429, retry_after="600"), Say([DONE]))
    assert asked == [ROLE.model, OTHER]
    assert desk.slept == []
    assert desk.ledger.models == {"r-abc123/developer/0/0": ROLE.model, "r-abc123/developer/0/1": OTHER}
    (tokens, paid) = desk.ledger.settled["r-abc123/developer/0/1"]
    assert paid == cost(OTHER, tokens)
    assert desk.ledger.most["r-abc123/developer/0/1"] < desk.ledger.most["r-abc123/developer/0/0"]


async def test_thinking_of_one_model_is_not_sent_to_the_other_and_its_own_is_kept() -> None:
    busy = Fault(529, retry_after="600")
    script: list[Answer] = [
        Say([thinking("one"), use("bash", command="a")]), busy, Say([thinking("two"), use("bash", command="b")]),
        Say([thinking("three"), use("bash", command="c")]), busy, Say([DONE]),
    ]  # fmt: skip
    with ScriptedMessagesAPI(script) as api:
        desk = Desk(api.url, fallback_model=OTHER)
        assert isinstance(await desk.talk(), Finished)
        api.assert_exhausted()
    sent = [
        [b["thinking"] for message in asked.body["messages"] for b in message["content"] if b["type"] == "thinking"]
        for asked in api.requests
    ]
    assert models(api.requests) == [ROLE.model, ROLE.model, OTHER, ROLE.model, ROLE.model, OTHER]
    assert sent == [[], ["one"], [], ["one"], ["one", "three"], ["two"]]


async def test_while_the_first_model_is_away_each_call_tries_it_once() -> None:
    script: list[Answer] = [*[Fault(529)] * 5, Say([use("bash", command="a")]), Fault(529), Say([DONE])]
    _, desk, asked = await play_two(*script)
    assert asked[-3:] == [OTHER, ROLE.model, OTHER]
    assert desk.slept == [1.0, 2.0, 4.0, 8.0]


async def test_a_second_model_that_is_refused_is_left_out_and_the_first_asked_on() -> None:
    end, desk, asked = await play_two(Fault(529, retry_after="20"), Fault(404, "not_found_error"), Say([DONE]))
    assert isinstance(end, Finished)
    assert asked == [ROLE.model, OTHER, ROLE.model]
    assert desk.slept == [20.0]


async def test_two_busy_models_are_an_error_after_the_deadline() -> None:
    with ScriptedMessagesAPI(lambda _: Fault(529)) as api:
        desk = Desk(api.url, fallback_model=OTHER)
        with pytest.raises(ModelOverloaded):
            await desk.talk()
    assert set(models(api.requests)) == {ROLE.model, OTHER}
    assert sum(desk.slept) <= 100
    assert desk.ledger.reserved == {}
