"""Turns of the dialogue: what a person says is answered by the agent loop with tools that are bound to that person."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.registry.block import SqlRegistry
from domain.conversations import ToolResult
from domain.errors import NoReply
from domain.proposals import Answered
from domain.redaction import Redactor
from domain.runs import DeliveryRequest, Origin, RunState
from domain.talks import Taken, account
from tasks import redaction
from tests.fakes.messages_api import Answer, Asked, Say, ScriptedMessagesAPI, use
from tests.tasks.conftest import brief
from tests.tasks.fragile import Fate, Fragile, Killed
from tests.tasks.talk_desk import ANN, TalkDesk, ask_secret, propose, reply

NOW = datetime(2026, 11, 28, tzinfo=UTC)


async def results(desk: TalkDesk) -> list[ToolResult]:
    """Return what the model was told about its calls, in order."""
    talk = await desk.talks.look(desk.person)
    messages = await desk.registry.load(f"{talk.session}/product_owner")
    return [part for message in messages for part in message.parts if isinstance(part, ToolResult)]


async def told(registry: SqlRegistry, *calls: dict[str, Any]) -> ToolResult:
    """Let the model make these calls, each in its own step, and return what it was told of the last one."""
    with ScriptedMessagesAPI([*(Say([call]) for call in calls), Say([reply()])]) as api:
        desk = TalkDesk(registry, api.url)
        await desk.talk("please")
        return (await results(desk))[-2]


async def test_question_is_answered_with_the_messages_that_came_until_then(registry: SqlRegistry) -> None:
    with ScriptedMessagesAPI([Say([reply("Which colour?", "Green?", "Blue?")])]) as api:
        desk = TalkDesk(registry, api.url)
        await desk.say("a tea timer")
        await desk.say("a nice one")
        answered = await desk.answer(await desk.take())
        assert answered == Answered.model_validate(
            {"reply": {"text": "Which colour?", "questions": ("Green?", "Blue?")}, "upto": 2}
        )
        [asked] = api.requests
        assert str(asked.body["messages"]).index("a tea timer") < str(asked.body["messages"]).index("a nice one")
    assert (await registry.cost(account(ANN))).calls == 1


async def test_message_that_comes_meanwhile_is_seen_by_the_same_turn(registry: SqlRegistry) -> None:
    desk: TalkDesk

    def answer(asked: Asked) -> Answer:
        if asked.turn == 0:
            desk.talks.sessions[ANN].said.append(
                desk.talks.sessions[ANN].said[0].model_copy(update={"sequence": 2, "text": "no, in green"})
            )
            desk.talks.sessions[ANN].last = 2
            return Say([reply("Here it is.")])
        assert "no, in green" in str(asked.body["messages"])
        return Say([reply("Here it is, in green.")])

    with ScriptedMessagesAPI(answer) as api:
        desk = TalkDesk(registry, api.url)
        answered = await desk.talk("a tea timer")
    assert (answered.reply.text, answered.upto) == ("Here it is, in green.", 2)


async def test_proposal_is_shown_then_amended_and_started_only_after_it_was_seen(registry: SqlRegistry) -> None:
    script: Sequence[Answer] = [
        Say([propose()]),
        Say([use("start")]),
        Say([reply("Shall I?")]),
        Say([propose(title="Green timer")]),
        Say([reply("Green then.")]),
        Say([use("start")]),
        Say([use("start")]),
        Say([reply("It is begun.")]),
    ]
    with ScriptedMessagesAPI(script) as api:
        desk = TalkDesk(registry, api.url)
        first = await desk.talk("a tea timer")
        assert "has not seen this proposal yet" in (await results(desk))[1].text
        assert first.proposal
        assert first.quote
        assert (first.proposal.brief.slug, first.quote.runs, first.quote.most_usd) == ("timer", 0, 5.0)
        second = await desk.talk("in green")
        assert second.proposal
        assert second.proposal.run != first.proposal.run
        third = await desk.talk("yes")
    assert third.proposal is None
    assert [proposal.run for proposal in desk.deeds.started] == [second.proposal.run]
    assert [each.text.split(",")[0] for each in (await results(desk))[-3:-1]] == [
        f"timer is being built as {second.proposal.run}; the person sees its card and is told when it ends",
        "it was started before",
    ]


async def test_quote_is_learned_from_what_was_delivered(registry: SqlRegistry) -> None:
    run = await registry.update_run("r-000001", flow_run="f", state=RunState.DELIVERED)
    await registry.update_run(run.id, ended=run.created + timedelta(minutes=9))
    with ScriptedMessagesAPI([Say([propose()]), Say([reply()])]) as api:
        answered = await TalkDesk(registry, api.url).talk("a tea timer")
    assert answered.quote
    assert (answered.quote.runs, answered.quote.minutes) == (1, 9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (use("list_projects"), "notes: Notes (web-service), not online"),
        (use("inspect_project", project="notes"), '"slug": "notes"'),
        (use("status"), "r-000001 (new notes, 2026-11-23 12:00 UTC): queued"),
        (use("status", project="notes"), "r-000001 is at work"),
        (use("costs"), "notes: 0.00 USD of at most 5.00 USD"),
        (use("logs", project="notes"), "r-000001 (new notes"),
        (use("app_log", project="notes"), "notes listens"),
        (ask_secret("notes"), "the person is asked for API_KEY"),
        (use("cancel", run="r-000001"), "r-000001 on notes is cancelled"),
        (use("rollback", project="notes", why="it is slow"), "notes goes back"),
        (use("set_domain", project="notes", host="shop.example.org"), "http://shop.example.org leads to notes"),
        (use("hand_to_person", why="wants a human"), "the operator is told"),
        (propose("notes", project="notes"), "the person sees it below your reply"),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
async def test_tools_serve_the_owner(registry: SqlRegistry, call: dict[str, Any], words: str) -> None:
    result = await told(registry, call)
    assert words in result.text
    assert not result.is_error


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (use("start"), "nothing was proposed yet"),
        (use("rollback", project="notes"), "does not fit the tool rollback"),
        (use("rollback", project="notes", why="nothing there"), "no earlier good release"),
        (propose(kind="spaceship"), "kind must be one of"),
        (propose("notes", project="notes", checks=({"id": "other", "text": "something else"},)), "'keep' is missing"),
    ],
)
async def test_what_is_wrong_with_a_call_is_told_to_the_model(registry: SqlRegistry, call: dict[str, Any], words: str) -> None:
    result = await told(registry, call)
    assert result.is_error
    assert words in result.text


async def test_end_of_a_run_is_known_to_the_next_turn_and_told_to_it_once(registry: SqlRegistry) -> None:
    with ScriptedMessagesAPI([Say([reply("Hello.")]), Say([reply("It is online.")]), Say([reply("Yes.")])]) as api:
        desk = TalkDesk(registry, api.url)
        await desk.talk("hello")
        await registry.update_run("r-000001", state=RunState.DELIVERED, address="http://notes.localhost", ended=NOW)
        for words in ("is it there?", "sure?"):
            await desk.talk(words)
        [first, second, third] = [str(asked.body["messages"]) for asked in api.requests]
    ended = "r-000001 (new notes, 2026-11-23 12:00 UTC): delivered, http://notes.localhost"
    assert (first.count(ended), second.count(ended), third.count(ended)) == (0, 1, 1)


async def test_stop_that_comes_again_stops_no_other_run(registry: SqlRegistry) -> None:
    request = DeliveryRequest(
        run="r-000002",
        project="notes",
        change=True,
        request="more",
        brief=brief("notes"),
        origin=Origin(channel="cli", person=ANN),
    )
    await registry.add_run(request, NOW)
    result = await told(registry, use("cancel", run="r-000002"), use("cancel", run="r-000002"))
    assert result.text == "r-000002 on notes is cancelled"
    other = await registry.run("r-000001")
    assert other
    assert not other.state.ended


async def test_turn_without_an_answer_says_why(registry: SqlRegistry) -> None:
    poor = registry.model_copy(update={"budget_micro_usd": 10})
    with ScriptedMessagesAPI([]) as api:
        desk = TalkDesk(poor, api.url)
        await desk.say("a tea timer")
        with pytest.raises(NoReply, match="out of budget") as spent:
            await desk.answer(await desk.take())
    assert spent.value.reason == "out of budget"


LOOKS = ("load", "project", "projects", "run", "runs", "releases", "budget", "waiting")
"""Calls that change nothing."""
MOMENTS = 60
"""How many moments the turn below has at most: before and after each call of what it uses."""


def story(asked: Asked, project: str) -> Answer:
    """Play two turns, in the second of which everything is done that has an effect."""
    match asked.turn:
        case 0:
            return Say([propose()])
        case 1:
            return Say([reply("Shall I?")])
        case 2:
            return Say([use("start", "t1"), use("rollback", "t2", project=project, why="slow"), use("hand_to_person", why="?")])
    return Say([reply("All of it is begun.")])


async def test_turn_that_is_killed_at_any_moment_goes_on_and_nothing_is_done_or_paid_twice(registry: SqlRegistry) -> None:
    own = [""]
    with ScriptedMessagesAPI(lambda asked: story(asked, own[0])) as api:
        for at in range(1, MOMENTS, 3):
            desk = TalkDesk(registry, api.url, f"telegram:{at + 100}")
            own[0] = f"p{at}"
            await registry.add_project(brief(own[0]), desk.person, f"{own[0]}.localhost", NOW)
            await desk.talk("a tea timer")
            await desk.say("yes, and take notes back")
            taken = await desk.take()
            before = len(api.requests)
            lived = await lives(desk, taken, at)
            answered = await desk.answer(await desk.take())
            again = await desk.answer(await desk.take())
            assert again == answered
            assert answered.reply.text == "All of it is begun."
            assert len(desk.deeds.started) == 1
            assert len(desk.deeds.rolled_back) == 1
            told_operator = [n for n in await registry.unsent("operator") if desk.person in n.text]
            assert len(told_operator) == 1
            cost = await registry.cost(account(desk.person))
            assert (cost.calls, cost.reserved_micro_usd) == (4, 0)
            assert len(api.requests) - before <= 3  # a call in flight at the kill is asked again
            if lived:
                return
    raise AssertionError(f"the turn has more than {MOMENTS} moments")


async def lives(desk: TalkDesk, taken: Taken, at: int) -> bool:
    """Lead the turn in a process that dies at that moment; tell whether the turn was over before."""
    try:
        await fragile(desk, Fate(at)).answer(taken)
    except Killed:
        return False
    return True


def fragile(desk: TalkDesk, fate: Fate) -> TalkDesk:
    life = TalkDesk(desk.registry, "", desk.person)
    for name in ("registry", "model", "talks", "deeds", "wakeups"):
        setattr(life, name, Fragile(getattr(desk, name), fate, LOOKS))
    return life


async def test_secret_that_a_model_says_all_the_same_is_not_told(registry: SqlRegistry) -> None:
    said = reply("It is hunter2-correct-horse.", "Or hunter2-correct-horse?")
    with ScriptedMessagesAPI([Say([said])]) as api:
        desk = TalkDesk(registry, api.url)
        desk.vault.hold("notes", "DOOR_KEY", "hunter2-correct-horse")
        answered = await desk.talk("what is the key?")
    assert answered.reply.text == "It is «secret DOOR_KEY»."
    assert answered.reply.questions == ("Or «secret DOOR_KEY»?",)


async def test_word_that_is_somebody_elses_secret_is_a_word_and_stays_out_of_logs(
    registry: SqlRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    redaction.install(Redactor({"BOBS_KEY": "watermelon"}))
    with ScriptedMessagesAPI([Say([reply("A watermelon is a fruit.")])]) as api:
        answered = await TalkDesk(registry, api.url).talk("what is a watermelon?")
    assert answered.reply.text == "A watermelon is a fruit."
    redaction.install(Redactor({}))
    logging.getLogger("prefect").warning("a watermelon was said")
    assert "watermelon" not in caplog.text
