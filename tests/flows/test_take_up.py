"""Where a delivery goes on after an answer: which round, which plan, with whose words, and what is not done again."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.claude.block import Claude
from blocks.installation import Installation
from blocks.registry.block import SqlRegistry
from domain.checks import Check
from domain.dropped import KnownTest
from domain.errors import EngineUnreachable
from domain.escalations import Answer
from domain.outcomes import Accepted, Escalated, Outcome, Rejected, interrupted
from domain.reports import Outcome as Verdict
from domain.reports import TestReport
from domain.seen import Seen
from flows.delivery import asked_of
from flows.engineering import Commission
from flows.questions import take_up
from tests.conftest import PrefectServer
from tests.fakes.messages_api import Answer as Said
from tests.fakes.messages_api import Asked, Say, ScriptedMessagesAPI, text, use
from tests.tasks.conftest import brief, registry, request

__all__ = ["registry"]

FIRST = Commission(request=request(), rounds=3)
BUILT = Accepted(commit="c" * 40, candidate="i", report=TestReport(outcome=Verdict.PASSED), rounds=2, checks=tuple[Check]())
BLOCKS: Any = SimpleNamespace(installation=SimpleNamespace(rounds=3))


def test_what_a_developer_would_be_told_is_not_asked_about_a_persons_own_commit() -> None:
    unfit = (BUILT, Rejected(reason="x", started=False))
    choices = []
    for wanted in (request(), request(commit="c" * 40)):
        asked = asked_of(wanted, unfit)
        assert asked is not None
        choices.append(asked.choices)
    assert choices == [("guidance", "retry", "change_wish", "stop"), ("retry", "stop")]


def stuck(rounds: int) -> Escalated:
    return Escalated(reason="it stands still", cause="stuck", rounds=rounds)


def say(choice: str, text: str = "", rounds: int | None = None) -> Answer:
    return Answer.model_validate({"choice": choice, "text": text, "rounds": rounds, "by": "me", "door": "cli"})


@pytest.mark.parametrize(
    ("outcome", "answer", "changed"),
    [
        pytest.param(stuck(3), say("guidance", "use SQLite"), {"first_round": 4, "guidance": "use SQLite"}, id="words"),
        pytest.param(stuck(2), say("more_rounds", rounds=5), {"first_round": 3, "rounds": 5}, id="more rounds"),
        pytest.param(
            Escalated(reason="no plan", cause="no_plan", rounds=0), say("guidance", "one page"), {"plan": 2, "first_round": 1},
            id="no plan was made",
        ),
        pytest.param(interrupted(EngineUnreachable("Docker", "x")), say("retry"), {}, id="a service is back"),
        pytest.param((BUILT, Rejected(reason="x", started=False)), say("retry"), {}, id="the release is rehearsed again"),
        pytest.param(
            (BUILT, Rejected(reason="x", started=False)), say("guidance", "listen on $PORT"),
            {"first_round": 3, "guidance": "listen on $PORT"}, id="the release needs other code",
        ),
        pytest.param(
            Escalated(reason="app.json", cause="locked", digest="d" * 64), say("approve", "d" * 64), {"approved": "d" * 64},
            id="its owner approved a push",
        ),
    ],
)  # fmt: skip
async def test_the_work_goes_on_where_it_stopped(outcome: Outcome, answer: Answer, changed: dict[str, Any]) -> None:
    taken = await take_up(FIRST, outcome, 1, answer, BLOCKS)
    assert isinstance(taken, Commission)
    assert {name: getattr(taken, name) for name in changed} == changed
    if not changed:
        assert taken == FIRST
    assert taken.request == FIRST.request


async def test_rounds_are_counted_over_all_answers() -> None:
    second = await take_up(FIRST, stuck(3), 1, say("guidance", "first"), BLOCKS)
    assert isinstance(second, Commission)
    third = await take_up(second, stuck(6), 2, say("more_rounds", rounds=1), BLOCKS)
    assert isinstance(third, Commission)
    assert (third.first_round, third.rounds, third.plan) == (7, 1, 1)
    again = await take_up(third, interrupted(EngineUnreachable("Docker", "x")), 3, say("retry"), BLOCKS)
    assert again == third


SEEN = Seen(known=(KnownTest(suite="tests.test_a", name="test_lists"),), flaky=("tests.test_a::test_moody",))


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        pytest.param(stuck(3).model_copy(update={"seen": SEEN}), say("guidance", "use SQLite"), id="words"),
        pytest.param(stuck(3).model_copy(update={"seen": SEEN}), say("more_rounds", rounds=1), id="more rounds"),
        pytest.param(
            (BUILT.model_copy(update={"seen": SEEN}), Rejected(reason="x", started=False)), say("guidance", "y"), id="a release"
        ),
    ],
)
async def test_tests_of_earlier_rounds_are_not_forgotten_by_an_answer(outcome: Outcome, answer: Answer) -> None:
    second = await take_up(FIRST, outcome, 1, answer, BLOCKS)
    assert isinstance(second, Commission)
    assert second.seen == SEEN
    no_plan = Escalated(reason="no plan", cause="no_plan", rounds=second.first_round - 1)
    for stop, said in ((no_plan, say("guidance", "one page")), (interrupted(EngineUnreachable("Docker", "x")), say("retry"))):
        third = await take_up(second, stop, 2, said, BLOCKS)
        assert isinstance(third, Commission)
        assert third.seen == SEEN


async def test_a_changed_wish_of_which_no_brief_came_is_tried_again_with_the_next_answer(
    prefect_api: PrefectServer, registry: SqlRegistry
) -> None:
    def model(asked: Asked) -> Said:
        if "and a title" not in str(asked.body["messages"]):
            return Say([text("I would rather not.")])
        assert str(asked.body["messages"]).count("no lists, only a counter") > 1
        return Say([use("submit_brief", **brief(title="Counter").model_dump(mode="json"))])

    wish, more = say("change_wish", "no lists, only a counter"), say("guidance", "and a title")
    with ScriptedMessagesAPI(model) as api:
        blocks: Any = SimpleNamespace(
            installation=Installation(home="h", engine="process", model="claude-sonnet-5-5"), engine=None, wakeups=None,
            model=Claude(api_key=SecretStr("test-key"), base_url=api.url), registry=registry,
        )  # fmt: skip
        halted = await take_up(FIRST, stuck(3).model_copy(update={"seen": SEEN}), 1, wish, blocks)
        assert isinstance(halted, Escalated)
        taken = await take_up(FIRST, halted, 2, more, blocks)
    assert (halted.cause, halted.rounds, halted.seen, halted.wish) == ("stuck", 3, SEEN, wish.text)
    assert isinstance(taken, Commission)
    assert (taken.request.brief.title, taken.plan, taken.first_round, taken.seen) == ("Counter", 2, 4, SEEN)
