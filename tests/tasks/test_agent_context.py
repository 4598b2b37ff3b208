"""What the model sees of a long conversation: cut, masked, summed up, and read from the cache."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.conversations import Finished, GaveUp, Summary
from domain.errors import EngineUnreachable, ModelRequestRefused
from domain.roles import Role, RoleLimits
from domain.summaries import ASK, LOST
from tests.fakes.messages_api import Asked, Fault, Say, ScriptedMessagesAPI, text, thinking, use
from tests.fakes.messages_rules import prefix_blocks, tokens
from tests.tasks.agent_desk import DONE, ROLE, Desk, Work, results

LONG: Role[Work] = ROLE.model_copy(update={"limits": RoleLimits(steps=200)})
WORDY = "I look at the next file. " * 1_600
IN_SHORT = "The parser is done, in app/parser.py; the page is next."


def asks_for_summary(asked: Asked) -> bool:
    return asked.last_blocks[-1].get("text") == ASK


def wordy(turns: int, summary: Callable[[], Any] = lambda: Say([text(IN_SHORT)])) -> Callable[[Asked], Any]:
    """Script a conversation of so many long answers; turns are counted by the commands, as a summary hides some of them."""
    number = iter(range(turns))

    def answer(asked: Asked) -> Any:
        if asks_for_summary(asked):
            return summary()
        if (turn := next(number, None)) is None:
            return Say([DONE])
        return Say([thinking(), text(WORDY), use("bash", command=f"step {turn}")])

    return answer


def sizes(api: ScriptedMessagesAPI) -> list[int]:
    return [sum(map(tokens, prefix_blocks(asked.body))) for asked in api.requests]


def summaries(desk: Desk) -> list[Summary]:
    return [part for message in desk.messages for part in message.parts if isinstance(part, Summary)]


async def test_an_oversized_output_is_cut() -> None:
    with ScriptedMessagesAPI([Say([use("bash", command="cat big")]), Say([DONE])]) as api:
        desk = Desk(api.url)
        desk.output = "x" * 5_000_000
        await desk.talk()
    (shown, _) = results(api.requests[1])[0]
    assert len(shown) == 16_000
    assert "5000000 characters" in shown


async def test_many_oversized_outputs_of_one_answer_share_the_room() -> None:
    many = Say([use("bash", command=f"cat {n}") for n in range(40)])
    with ScriptedMessagesAPI([many, Say([DONE])]) as api:
        desk = Desk(api.url)
        desk.output = "x" * 1_000_000
        await desk.talk()
    shown = [text for text, _ in results(api.requests[1])]
    assert len(shown) == 40
    assert sum(map(len, shown)) <= 64_000


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
        return Say([thinking(), use("bash", command=f"step {asked.turn}")] if asked.turn < 40 else [DONE])

    with ScriptedMessagesAPI(answer) as api:
        desk = Desk(api.url)
        desk.output = "y" * 16_000
        assert isinstance(await desk.talk(LONG), Finished)
        api.assert_exhausted()
    assert max(sizes(api)) < 80_000


async def test_near_the_end_of_the_window_the_older_part_is_summed_up_once_and_the_work_goes_on() -> None:
    with ScriptedMessagesAPI(wordy(12)) as api:
        desk = Desk(api.url)
        assert isinstance(await desk.talk(LONG), Finished)
        api.assert_exhausted()
    place = next(n for n, asked in enumerate(api.requests) if asks_for_summary(asked))
    before, asking, after = api.requests[place - 1 : place + 2]
    assert [asks_for_summary(asked) for asked in api.requests].count(True) == 1
    assert asking.usage.cache_read >= before.usage.cache_read + before.usage.cache_write
    assert sizes(api)[place + 1] < sizes(api)[place] / 2
    first = [block["text"] for block in after.body["messages"][0]["content"]]
    assert first[0] == "Build it."
    assert IN_SHORT in first[1]
    assert len(desk.ran) == 12
    assert desk.ledger.settled.keys() >= {"r-abc123/developer/summary/0/0"}
    assert len([message for message in desk.messages if message.role == "assistant"]) == 13


async def test_between_two_summaries_the_prefix_stays_and_is_read_from_the_cache() -> None:
    with ScriptedMessagesAPI(wordy(20)) as api:
        desk = Desk(api.url)
        assert isinstance(await desk.talk(LONG), Finished)
        api.assert_exhausted()
    places = [n for n, asked in enumerate(api.requests) if asks_for_summary(asked)]
    assert len(places) == 2
    for earlier, later in zip(api.requests[places[0] + 1 : places[1]], api.requests[places[0] + 2 : places[1]], strict=False):
        assert later.usage.cache_read == earlier.usage.cache_read + earlier.usage.cache_write


async def test_a_killed_conversation_does_not_pay_for_its_summary_again() -> None:
    with ScriptedMessagesAPI(wordy(12)) as api:
        desk = Desk(api.url)
        desk.fail["step 10"] = EngineUnreachable("docker", "running")
        with pytest.raises(EngineUnreachable):
            await desk.talk(LONG)
        assert len(summaries(desk)) == 1
        desk.fail.clear()
        assert isinstance(await desk.talk(LONG), Finished)
        api.assert_exhausted()
    assert [asks_for_summary(asked) for asked in api.requests].count(True) == 1
    assert len(summaries(desk)) == 1


async def test_what_people_said_stays_as_they_said_it() -> None:
    with ScriptedMessagesAPI(wordy(12)) as api:
        desk = Desk(api.url)
        desk.fail["step 2"] = EngineUnreachable("docker", "running")
        with pytest.raises(EngineUnreachable):
            await desk.talk(LONG)
        desk.fail.clear()
        desk.remarks.say("Make it blue.")
        await desk.talk(LONG, follow_up="Round 2: the page is red.")
        api.assert_exhausted()
    [short] = summaries(desk)
    assert "The person said during the work: Make it blue." in short.text
    assert short.text.endswith("The present round began with:\nRound 2: the page is red.")


@pytest.mark.parametrize("silent", [Say([use("bash", command="more")]), Say([]), Fault(400, "invalid_request_error")])
async def test_without_a_usable_summary_the_work_goes_on_from_the_workspace(silent: Say | Fault) -> None:
    with ScriptedMessagesAPI(wordy(12, lambda: silent)) as api:
        desk = Desk(api.url)
        assert isinstance(await desk.talk(LONG), Finished)
        api.assert_exhausted()
    assert LOST in summaries(desk)[0].text
    assert "more" not in desk.ran


async def test_a_prompt_that_the_service_finds_too_long_is_shortened_and_sent_again() -> None:
    with ScriptedMessagesAPI(wordy(12), window=40_000) as api:
        desk = Desk(api.url)
        assert isinstance(await desk.talk(LONG), Finished)
        api.assert_exhausted()
    assert max(sizes(api)) <= 40_000
    assert len(desk.ran) == 12
    assert LOST in summaries(desk)[0].text


async def test_a_request_of_too_many_bytes_is_shortened_whatever_stands_before_the_service_says() -> None:
    too_large = Fault(413, "", message="<html>413 Request Entity Too Large</html>")
    turns = [Say([use("bash", command=f"cat {number} " + "x" * 30_000)]) for number in range(4)]
    with ScriptedMessagesAPI([*turns, too_large, Say([DONE])]) as api:
        desk = Desk(api.url)
        assert isinstance(await desk.talk(LONG), Finished)
        api.assert_exhausted()
    assert LOST in summaries(desk)[0].text


async def test_a_task_that_alone_is_too_long_is_an_error() -> None:
    with ScriptedMessagesAPI(wordy(1), window=100) as api, pytest.raises(ModelRequestRefused, match="prompt is too long"):
        await Desk(api.url).talk(ROLE.model_copy(update={"system": "You build things. " * 100}))


async def test_an_answer_that_reached_the_end_of_the_window_is_followed_by_a_summary() -> None:
    full = Say([text("and so"), use("bash", command="hal")], stop_reason="model_context_window_exceeded")
    with ScriptedMessagesAPI([Say([use("bash", command="a")]), full, Say([text(IN_SHORT)]), Say([DONE])]) as api:
        desk = Desk(api.url)
        assert isinstance(await desk.talk(), Finished)
        api.assert_exhausted()
    assert desk.ran == ["a"]
    assert asks_for_summary(api.requests[2])


async def test_a_window_that_is_full_again_right_after_ends_it() -> None:
    full = Say([text("…")], stop_reason="model_context_window_exceeded")
    with ScriptedMessagesAPI([Say([use("bash", command="a")]), full, Say([text(IN_SHORT)]), full]) as api:
        end = await Desk(api.url).talk()
        api.assert_exhausted()
    assert isinstance(end, GaveUp)
    assert (end.reason, end.steps) == ("stuck", 3)
    assert "does not fit into the model's window" in end.detail
