"""Answers to what runs ask, by whatever door: checked, redacted, counted once, and the run goes on."""

from typing import TYPE_CHECKING

from domain.errors import AnsweredAlready, BadInput
from domain.escalations import Answer, Door, Escalation, checked_answer, decided
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.runs import Run, RunState

if TYPE_CHECKING:
    from tasks.answering import Resume

TRIES = 20
"""How often, half a second apart, a run is tried to be resumed that asked a moment ago."""


async def answer_run(
    run: str,
    choice: str,
    text: str,
    by: str,
    door: Door,
    number: int | None,
    registry: Registry,
    wakeups: Wakeups,
    vault: Vault,
    resume: "Resume",
) -> Escalation:
    """Let the answer count and the run go on; raise BadInput with one clear sentence when another one counts."""
    from tasks.answering import go_on, newest_question
    from tasks.questions import settle
    from tasks.redaction import project_redactor

    found, question = await asked(run, number, registry)
    if question.answer is None:
        clean = (await project_redactor(found.project, vault)).redact(text)
        answer = checked_answer(question.diagnosis, choice, clean, by, door)
        await check_secrets(answer, question, found, vault)
        won = await settle(found, question.number, answer, registry, wakeups)
        question = await newest_question(found, registry) or question
    else:
        won = False
    await go_on(found, question, registry, wakeups, resume, TRIES)
    if not won:
        raise AnsweredAlready(late(question))
    return question


async def asked(run: str, number: int | None, registry: Registry) -> tuple[Run, Escalation]:
    """Return the run and what it asked last; raise BadInput when it asks nothing, or not this any more."""
    found = await registry.run(run)
    if found is None:
        raise BadInput(f"there is no run {run[:40]!r}: `slipway runs` lists what there is")
    questions = await registry.escalations(run)
    if found.state.ended:
        raise BadInput(f"{run} has ended ({found.state.value}): there is nothing to answer")
    if found.state is RunState.WAITING and found.waits_for and (not questions or questions[-1].answer is not None):
        raise BadInput(f"{run} waits for a secret: run `slipway secret set {found.project} {found.waits_for[0]}`")
    if not questions:
        raise BadInput(f"{run} asks nothing now: `slipway logs {found.project}` shows what it does")
    if number is not None and number != questions[-1].number:
        old = next((each for each in questions if each.number == number), None)
        said = late(old) if old and old.answer else f"question {number} of {run} is not open"
        raise AnsweredAlready(f"{said}; its newest is question {questions[-1].number}")
    return found, questions[-1]


async def check_secrets(answer: Answer, question: Escalation, run: Run, vault: Vault) -> None:
    """Raise BadInput when a secret that is said to be there is not."""
    there = await vault.names(run.project)
    missing = [name for name in question.diagnosis.secrets if name not in there]
    if answer.choice == "provide_secret" and missing:
        raise BadInput(f"{missing[0]} is not in the vault yet: run `slipway secret set {run.project} {missing[0]}`")


def late(question: Escalation) -> str:
    """Say what counts already."""
    if question.answer is None:
        return f"question {question.number} of {question.run} has no answer yet: try again"
    what = f"{question.answer.by} had answered {decided(question.answer)}"
    return f"question {question.number} of {question.run} is answered already: {what}; nothing was changed"
