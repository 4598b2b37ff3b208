from datetime import UTC, datetime

import pytest

from domain.conversations import Message, Text, ToolResult, ToolUse
from domain.proposals import (
    Quote,
    made_in,
    opening,
    proposals,
    quoted,
    replied_in,
    turn_began,
    turn_text,
    untold,
    why_not_started,
)
from domain.runs import Origin, Run, RunState
from tests.tasks.conftest import brief


def turn(number: int) -> Message:
    return Message(role="user", parts=(Text(text=turn_text(number)),))


def proposing(id: str, request: str, *, refused: bool = False) -> list[Message]:
    call = ToolUse(id=id, name="propose", input={"request": request, "brief": brief().model_dump(mode="json")})
    result = ToolResult(tool_use_id=id, text="shown", is_error=refused)
    return [Message(role="assistant", parts=(call,)), Message(role="user", parts=(result,))]


def replying(id: str) -> list[Message]:
    call = ToolUse(id=id, name="reply", input={"text": "Here it is."})
    return [
        Message(role="assistant", parts=(call,)),
        Message(role="user", parts=(ToolResult(tool_use_id=id, text="accepted"),)),
    ]


TASK = Message(role="user", parts=(Text(text="kinds"),))
FIRST = [TASK, turn(7), *proposing("a", "timer"), *replying("b")]
AMENDED = [*FIRST, turn(8), *proposing("c", "bad", refused=True), *proposing("d", "green timer")]


def test_proposals_are_the_accepted_calls_in_order() -> None:
    assert proposals([TASK, turn(7)]) == ()
    assert [(each.number, each.propose.request) for each in proposals(AMENDED)] == [(1, "timer"), (2, "green timer")]


def test_proposal_of_a_turn_that_broke_off_is_not_shown() -> None:
    assert [each.shown for each in proposals([*AMENDED, turn(9), *replying("e")])] == [True, False]


@pytest.mark.parametrize(
    ("messages", "turn", "replied"), [(FIRST, 7, True), (FIRST, 8, False), (AMENDED, 7, True), (AMENDED, 8, False)]
)
def test_turn_is_replied_to_when_its_reply_was_accepted(messages: list[Message], turn: int, *, replied: bool) -> None:
    assert replied_in(messages, turn) is replied


def test_what_ended_begins_a_turn_once_and_the_turn_begins_alike_when_it_is_taken_up() -> None:
    text = turn_text(7, ["- r-one (new timer): delivered"])
    told = Message(role="user", parts=(Text(text=text),))
    assert opening([TASK, told], 7) == text
    assert turn_began([TASK, told], 7) == 1
    assert opening([TASK, told], 8) == ""
    ended = [run("r-one", RunState.DELIVERED), run("r-two", RunState.FAILED), run("r-three", RunState.RUNNING)]
    assert [each.id for each in untold(ended, [TASK, told])] == ["r-two"]


def run(name: str, state: RunState) -> Run:
    at = datetime(2026, 11, 28, tzinfo=UTC)
    return Run(id=name, project="timer", change=False, request="a timer", state=state, origin=Origin(channel="cli"), created=at)


def test_call_without_a_result_proposes_nothing_yet() -> None:
    assert proposals(FIRST[:3]) == ()


@pytest.mark.parametrize(
    ("messages", "number", "request_"),
    [(FIRST, 7, "timer"), (FIRST, 8, None), (AMENDED, 8, "green timer"), ([*AMENDED, *replying("e"), turn(9)], 9, None)],
)
def test_turn_shows_what_it_proposed_last(messages: list[Message], number: int, request_: str | None) -> None:
    made = made_in(messages, number)
    assert (made.propose.request if made else None) == request_


@pytest.mark.parametrize(
    ("messages", "number", "why"),
    [
        ([TASK, turn(7)], 7, "nothing was proposed"),
        (FIRST, 7, "has not seen"),
        ([*FIRST, turn(8)], 8, ""),
        (AMENDED, 8, "has not seen"),
        ([*AMENDED, *replying("e"), turn(9)], 9, ""),
        ([*AMENDED, turn(9)], 9, "never saw it"),
        ([*AMENDED, turn(9), *replying("e"), turn(10)], 10, "never saw it"),
    ],
)
def test_only_what_the_person_has_seen_is_started(messages: list[Message], number: int, why: str) -> None:
    said = why_not_started(messages, number)
    assert (why in said) if why else (said == "")


def test_turn_that_has_not_begun_begins_at_the_end() -> None:
    assert (turn_began(AMENDED, 8), turn_began(AMENDED, 9)) == (len(FIRST), len(AMENDED))


@pytest.mark.parametrize(
    ("usd", "minutes", "quote"),
    [
        ([], [], Quote(most_usd=5.0)),
        ([0.4], [0.2], Quote(runs=1, usd=0.4, minutes=1, most_usd=5.0)),
        ([0.4, 9.0, 0.5], [3, 90, 12], Quote(runs=3, usd=0.5, minutes=12, most_usd=5.0)),
    ],
)
def test_quote_is_the_middle_of_what_came_before(usd: list[float], minutes: list[float], quote: Quote) -> None:
    assert quoted(usd, minutes, 5.0) == quote
