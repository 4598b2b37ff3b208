"""Questions: a run that needs a person writes down why, waits without a process, and takes the one answer that counts.

True afterwards: the registry holds the question before the run waits and before anybody is told; each question has at most
one answer, whoever gives it by whatever door. Blocks: registry, wakeups.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.input import RunInput
from pydantic import Field, create_model

from domain.errors import BadInput, UnknownObject
from domain.escalations import (
    IN_WORDS,
    MEANINGS,
    MORE_ROUNDS,
    MORE_USD,
    MOST_ROUNDS,
    MOST_USD,
    Answer,
    Diagnosis,
    Escalation,
    as_markdown,
    checked_answer,
    decided,
)
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import Run, RunState
from tasks.artifacts import publish
from tasks.audit import record
from tasks.notify import tell
from tasks.progress import Journal
from tasks.redaction import redacted
from tasks.retrying import only_try_again


def question_key(number: int) -> str:
    """Name Prefect's suspension of the question."""
    return f"question-{number}"


@task(
    task_run_name="ask what is to be done with {project}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def ask(
    run: str, project: str, number: int, diagnosis: Diagnosis, hours: float, registry: Registry, wakeups: Wakeups
) -> Escalation:
    """Write the question down, let the run wait for its answer, tell its person; the same number asks once."""
    now, journal = datetime.now(UTC), Journal(run, registry, wakeups)
    clean = {"reason": redacted(diagnosis.reason), "evidence": redacted(diagnosis.evidence)}
    deadline = now + timedelta(hours=hours)
    question = await registry.add_escalation(run, number, diagnosis.model_copy(update=clean), now, deadline)
    await journal.stand()
    if question.answered is None:
        text = sentence(project, question)
        waiting = await registry.update_run(run, state=RunState.WAITING, message=text, waits_for=question.diagnosis.secrets)
        if not any(line.data.get("question") == number for line in await registry.progress(run)):
            facts = {"question": number, "kind": diagnosis.kind, "cause": diagnosis.cause}
            await journal.write("waiting", text, waiting.step, {**facts, "choices": " ".join(diagnosis.choices)})
            await publish(f"question-{number}", run, as_markdown(question.diagnosis), "What a person is asked")
        await tell(f"{run}:question-{number}", waiting, text, registry, wakeups)
    return question


def sentence(project: str, question: Escalation) -> str:
    """Say in two sentences why the run waits and which command answers."""
    needs = f" It needs {', '.join(question.diagnosis.secrets)}." if question.diagnosis.secrets else ""
    return (
        f"{project} waits for your word: {question.diagnosis.reason.rstrip('.')}.{needs} See what you can answer: "
        f"`slipway answer {question.run}`; without an answer it stops at {question.deadline:%Y-%m-%d %H:%M} UTC"
    )


def form(diagnosis: Diagnosis) -> type[RunInput]:
    """Return the typed input with which Prefect's UI asks: only what can be answered here.

    It is filled with an answer that lets the run go on without words, where there is one.
    """
    ready = next((choice for choice in diagnosis.choices if choice not in IN_WORDS and choice != "stop"), diagnosis.choices[0])
    meanings = "; ".join(f"{choice}: {MEANINGS[choice]}" for choice in diagnosis.choices)
    choices = cast(Any, Literal)[diagnosis.choices]
    fields: dict[str, Any] = {
        "choice": (choices, Field(default=ready, title="Answer", description=meanings)),
        "text": (str, Field(default="", title="In your words", description="For guidance and change_wish. Never a secret")),
    }
    if "more_rounds" in diagnosis.choices:
        bounds = {"ge": 1, "le": MOST_ROUNDS, "description": "For more_rounds: how many"}
        fields["rounds"] = (int, Field(default=MORE_ROUNDS, title="Rounds", **cast(Any, bounds)))
    if "more_budget" in diagnosis.choices:
        bounds = {"gt": 0, "le": MOST_USD, "description": "For more_budget: US dollars more for models"}
        fields["usd"] = (float, Field(default=MORE_USD, title="US dollars", **cast(Any, bounds)))
    made: type[RunInput] = create_model("Answer", __base__=RunInput, **fields)
    made._description = as_markdown(diagnosis)
    return made


def filled(answer: Answer) -> dict[str, object]:
    """Return the answer as the fields of `form`, to resume a run with."""
    given = {"choice": answer.choice, "text": answer.text, "rounds": answer.rounds, "usd": answer.usd}
    return {name: value for name, value in given.items() if value is not None}


def said_in(diagnosis: Diagnosis, given: dict[str, Any], by: str) -> Answer:
    """Return what the filled form answers; raise BadInput when it cannot be used."""
    amount = {"more_rounds": "rounds", "more_budget": "usd"}.get(given["choice"], "text")
    return checked_answer(diagnosis, given["choice"], redacted(str(given.get(amount, ""))), by, "ui")


async def settle(run: Run, number: int, answer: Answer, registry: Registry, wakeups: Wakeups) -> bool:
    """Let this answer count, with a line in the journal and the audit; False when another one counts already.

    A run that waited is queued again: it does not look waiting until its process begins.
    """
    now = datetime.now(UTC)
    if not await registry.answer_escalation(run.id, number, answer, now):
        return False
    if run.state is RunState.WAITING:
        await registry.update_run(run.id, state=RunState.QUEUED, message="", waits_for=())
    await record(run.project, answer.by, f"answered question {number} of {run.id}", registry, why=decided(answer), at=now)
    facts: dict[str, str | int | float | bool] = {"answered": number, "choice": answer.choice}
    await Journal(run.id, registry, wakeups).write("note", f"{answer.by} answered: {decided(answer)}", run.step, facts)
    return True


@task(
    task_run_name="take the answer to question {number}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def take_answer(
    run: str, number: int, given: dict[str, Any] | None, registry: Registry, wakeups: Wakeups
) -> Answer | None:
    """Return the answer that counts: the registry's, else the form's of Prefect's UI; None when there is none to use."""
    question = next(each for each in await registry.escalations(run) if each.number == number)
    if question.answer is None and given is not None:
        await take_form(run, question, given, registry, wakeups)
        question = next(each for each in await registry.escalations(run) if each.number == number)
    if question.answer is not None and given is not None and given.get("choice") != question.answer.choice:
        await tell_late(run, number, str(given.get("choice")), question.answer, registry, wakeups)
    return question.answer


async def take_form(run: str, question: Escalation, given: dict[str, Any], registry: Registry, wakeups: Wakeups) -> None:
    """Let the filled form of Prefect's UI count; what is wrong with it is noted, and asked again."""
    found = await registry.run(run)
    if found is None:
        raise UnknownObject("run", run)
    try:
        answer = said_in(question.diagnosis, given, "Prefect UI")
    except BadInput as complaint:
        text = f"the answer in the Prefect UI cannot be used: {complaint}"
        await Journal(run, registry, wakeups).write("note", text, found.step)
        return
    await settle(found, question.number, answer, registry, wakeups)


async def tell_late(run: str, number: int, late: str, counts: Answer, registry: Registry, wakeups: Wakeups) -> None:
    """Note once that the answer in Prefect's UI came after another one."""
    if not any(line.data.get("late") == number for line in await registry.progress(run)):
        text = f"the answer {late} in the Prefect UI came too late: {counts.by} had answered {decided(counts)}"
        await Journal(run, registry, wakeups).write("note", text, "", {"late": number})
