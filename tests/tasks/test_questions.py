"""A question is written down, told and answered once, whoever answers by whatever door and whatever dies meanwhile."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.registry.block import SqlRegistry
from domain.diagnoses import diagnose
from domain.errors import BudgetSpent, RunCancelled
from domain.escalations import Answer, Diagnosis, Escalation
from domain.outcomes import Escalated
from domain.runs import WAITING_PATIENCE, RunState
from tasks.answering import answer_overdue, go_on, newest_question, open_question
from tasks.janitor import end_forgotten
from tasks.questions import ask, filled, form, settle, take_answer
from tasks.resuming import Resumption
from tests.fakes.desk import Hints
from tests.tasks.conftest import NOW

RUN = "r-000001"


class Prefect:
    """Suspended flow runs: each can be resumed once; `script` says what happens first."""

    def __init__(self, *script: Resumption) -> None:
        self.script = list(script)
        self.resumed: list[tuple[str, str, dict[str, Any]]] = []

    async def resume(self, flow_run: str, key: str, run_input: dict[str, Any]) -> Resumption:
        assert flow_run, "a run that was never handed over cannot be resumed"
        if self.script:
            return self.script.pop(0)
        if self.resumed:
            return Resumption.NOT_WAITING
        self.resumed.append((flow_run, key, run_input))
        return Resumption.RESUMED


def stuck(evidence: str = "assert 1 == 2") -> Diagnosis:
    found = diagnose(Escalated(reason="the tests still fail", cause="rounds_spent", evidence=evidence, rounds=3))
    assert found is not None
    return found


async def asked(registry: SqlRegistry, number: int = 1, hours: float = 24) -> Escalation:
    await registry.update_run(RUN, flow_run="a-flow-run", state=RunState.RUNNING)
    return await ask.fn(RUN, "notes", number, stuck(), hours, registry, Hints())


async def state(registry: SqlRegistry) -> RunState:
    run = await registry.run(RUN)
    assert run is not None
    return run.state


def say(choice: str = "guidance", text: str = "use SQLite", by: str = "local:me") -> Answer:
    return Answer.model_validate({"choice": choice, "text": text, "by": by, "door": "cli"})


async def answer(registry: SqlRegistry, given: Answer, number: int = 1) -> bool:
    run = await registry.run(RUN)
    assert run is not None
    return await settle(run, number, given, registry, Hints())


async def test_a_question_is_written_before_the_run_waits_and_told_once(registry: SqlRegistry) -> None:
    first = await asked(registry)
    again = await asked(registry)
    assert first == again
    run = await registry.run(RUN)
    assert run is not None
    assert run.state is RunState.WAITING
    assert f"slipway answer {RUN}" in run.message
    assert f"{first.deadline:%Y-%m-%d %H:%M} UTC" in run.message
    assert [told.key for told in await registry.unsent("cli")] == [f"{RUN}:question-1"]
    assert [line.data["question"] for line in await registry.progress(RUN) if line.kind == "waiting"] == [1]


async def test_a_question_that_was_answered_meanwhile_does_not_make_the_run_wait_again(registry: SqlRegistry) -> None:
    await asked(registry)
    assert await answer(registry, say())
    await registry.update_run(RUN, state=RunState.RUNNING)
    question = await ask.fn(RUN, "notes", 1, stuck(), 24, registry, Hints())
    assert question.answer == say()
    assert await state(registry) is RunState.RUNNING


async def test_a_stopped_run_asks_nobody(registry: SqlRegistry) -> None:
    await registry.update_run(RUN, state=RunState.CANCELLED, message="stopped", ended=NOW)
    with pytest.raises(RunCancelled):
        await ask.fn(RUN, "notes", 1, stuck(), 24, registry, Hints())
    assert await registry.unsent("cli") == ()


async def test_of_two_answers_the_first_counts_with_one_line_and_one_audit(registry: SqlRegistry) -> None:
    await asked(registry)
    assert await answer(registry, say(by="local:me"))
    assert not await answer(registry, say("stop", "", by="local:you"))
    question = (await registry.escalations(RUN))[0]
    assert question.answer == say()
    assert [(line.actor, line.why) for line in await registry.history("notes")] == [("local:me", "guidance: use SQLite")]
    assert [line.text for line in await registry.progress(RUN) if line.kind == "note"] == [
        "local:me answered: guidance: use SQLite"
    ]


def test_prefects_form_offers_what_can_be_answered_and_no_more() -> None:
    shown = form(stuck()).model_json_schema()["properties"]
    assert shown["choice"]["enum"] == ["guidance", "more_rounds", "change_wish", "stop"]
    assert (shown["choice"]["default"], shown["rounds"]["default"]) == ("more_rounds", 3)
    assert "usd" not in shown
    assert form(stuck())(**filled(say())).model_dump() == {"choice": "guidance", "text": "use SQLite", "rounds": 3}


async def test_the_form_of_prefects_ui_counts_when_nobody_else_answered(registry: SqlRegistry) -> None:
    await asked(registry)
    taken = await take_answer.fn(RUN, 1, {"choice": "more_rounds", "text": "", "rounds": 2}, registry, Hints())
    assert taken is not None
    assert (taken.choice, taken.rounds, taken.door) == ("more_rounds", 2, "ui")


async def test_a_form_that_comes_after_another_answer_is_told_once_that_it_was_late(registry: SqlRegistry) -> None:
    await asked(registry)
    await answer(registry, say())
    for _ in range(2):
        taken = await take_answer.fn(RUN, 1, {"choice": "stop", "text": ""}, registry, Hints())
        assert taken == say()
    late = [line.text for line in await registry.progress(RUN) if "late" in line.data]
    assert late == ["the answer stop in the Prefect UI came too late: local:me had answered guidance: use SQLite"]


@pytest.mark.parametrize("given", [None, {"choice": "guidance", "text": " "}], ids=["resumed by force", "without words"])
async def test_what_is_no_answer_leaves_the_question_open(registry: SqlRegistry, given: dict[str, Any] | None) -> None:
    await asked(registry)
    assert await take_answer.fn(RUN, 1, given, registry, Hints()) is None
    assert (await registry.escalations(RUN))[0].answer is None


async def overdue(registry: SqlRegistry, prefect: Prefect, at: datetime) -> Sequence[str]:
    return await answer_overdue.fn(registry, Hints(), prefect.resume, at)


async def test_the_default_applies_after_the_time_limit_exactly_once(registry: SqlRegistry) -> None:
    question = await asked(registry, hours=2)
    prefect = Prefect()
    assert await overdue(registry, prefect, question.deadline - timedelta(seconds=1)) == []
    assert await overdue(registry, prefect, question.deadline) == [RUN]
    assert await overdue(registry, prefect, question.deadline + timedelta(hours=1)) == []
    assert prefect.resumed == [("a-flow-run", "question-1", {"choice": "stop", "text": "nobody answered within 2 hours"})]
    assert len(await registry.history("notes")) == 1


async def test_an_answer_before_the_janitor_wins_over_the_default(registry: SqlRegistry) -> None:
    question = await asked(registry)
    await answer(registry, say())
    prefect = Prefect()
    assert await overdue(registry, prefect, question.deadline) == [RUN]
    assert [given["choice"] for _, _, given in prefect.resumed] == ["guidance"]


async def test_a_run_whose_answerer_died_before_resuming_it_goes_on(registry: SqlRegistry) -> None:
    await asked(registry)
    await answer(registry, say())
    prefect = Prefect()
    assert await overdue(registry, prefect, datetime.now(UTC)) == [RUN]
    assert prefect.resumed[0][2] == {"choice": "guidance", "text": "use SQLite"}


async def test_a_run_that_prefect_has_ended_ends_here_too(registry: SqlRegistry) -> None:
    question = await asked(registry)
    assert await overdue(registry, Prefect(Resumption.OVER), question.deadline) == []
    run = await registry.run(RUN)
    assert run is not None
    assert run.state is RunState.FAILED
    assert "nobody answered within 24 hours" in run.message
    assert f"{RUN}:end" in [told.key for told in await registry.unsent("cli")]


async def test_a_run_that_is_about_to_be_suspended_is_waited_for(registry: SqlRegistry) -> None:
    await asked(registry)
    await answer(registry, say())
    run = await registry.run(RUN)
    assert run is not None
    question = await newest_question(run, registry)
    assert question is not None
    prefect = Prefect(Resumption.NOT_WAITING)
    assert await go_on(run, question, registry, Hints(), prefect.resume, tries=2)
    assert len(prefect.resumed) == 1


async def test_only_a_waiting_run_has_an_open_question(registry: SqlRegistry) -> None:
    await asked(registry)
    run = await registry.run(RUN)
    assert run is not None
    assert await open_question(run, registry) is not None
    await answer(registry, say())
    assert await open_question(run, registry) is None


async def test_the_janitor_leaves_a_run_with_an_open_question_to_its_own_time_limit(registry: SqlRegistry) -> None:
    await asked(registry, hours=24 * 30)
    assert await end_forgotten.fn(registry, Hints(), datetime.now(UTC) + WAITING_PATIENCE * 2) == []
    assert await state(registry) is RunState.WAITING


async def test_more_budget_really_raises_the_limit_of_this_project_alone(registry: SqlRegistry) -> None:
    await registry.reserve("call-1", "notes", RUN, "developer", "model", 4_900_000)
    with pytest.raises(BudgetSpent, match=r"4\.9000 of 5\.00"):
        await registry.reserve("call-2", "notes", RUN, "developer", "model", 1_000_000)
    await asked(registry)
    await answer(registry, Answer(choice="more_budget", usd=1.5, by="local:me", door="cli"))
    assert await registry.budget("notes") == 6_500_000
    assert await registry.budget("others") == 5_000_000
    await registry.reserve("call-2", "notes", RUN, "developer", "model", 1_000_000)
    with pytest.raises(BudgetSpent, match=r"5\.9000 of 6\.50"):
        await registry.reserve("call-3", "notes", RUN, "developer", "model", 1_000_000)
    assert [line.why for line in await registry.history("notes")] == ["more_budget 1.5 USD"]
