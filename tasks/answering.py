"""Answering: an answer counts first in the registry, then the run goes on, however often that is tried.

True afterwards: the question has one answer; its run was resumed, or ended where nothing can resume it.
Blocks: registry, wakeups; Prefect through `resume`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.escalations import Escalation, decided, default_answer
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import Run, RunState
from tasks.notify import end_run
from tasks.questions import filled, question_key, settle
from tasks.resuming import Resumption
from tasks.retrying import only_try_again

Resume = Callable[[str, str, dict[str, Any]], Awaitable[Resumption]]

LOOK_BACK = 500
"""Runs that are looked at; older ones have ended."""
RESTING = (RunState.WAITING, RunState.QUEUED)
"""A run whose process has not begun since it asked: an answered one is queued."""
PAUSE = 0.5
"""Seconds between two tries to resume a run that is about to be suspended."""


async def newest_question(run: Run, registry: Registry) -> Escalation | None:
    """Return what the run asked last, answered or not; None when it never asked."""
    questions = await registry.escalations(run.id)
    return questions[-1] if questions else None


async def open_question(run: Run, registry: Registry) -> Escalation | None:
    """Return the question for whose answer the run waits now."""
    if run.state is not RunState.WAITING:
        return None
    question = await newest_question(run, registry)
    return question if question is not None and question.answered is None else None


async def go_on(run: Run, question: Escalation, registry: Registry, wakeups: Wakeups, resume: Resume, tries: int = 1) -> bool:
    """Resume the run of an answered question, and tell whether it goes on.

    A process that asked a moment ago may not have come to its suspension yet, so it is tried up to `tries` times; the
    janitor tries again. A run that Prefect has ended is ended here as well.
    """
    if question.answer is None:
        return False
    for left in reversed(range(tries)):
        done = await resume(run.flow_run, question_key(question.number), filled(question.answer))
        if done is Resumption.OVER:
            text = f"Prefect ended its flow run while it waited for an answer ({decided(question.answer)}): send it again"
            await end_run.fn(run.id, RunState.FAILED, text, "", registry, wakeups, question.diagnosis.cause)
        current = await registry.run(run.id)
        if done is not Resumption.NOT_WAITING or current is None or current.state not in RESTING:
            return done is not Resumption.OVER
        await asyncio.sleep(PAUSE if left else 0)
    return False


@task(
    task_run_name="answer what nobody answered",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def answer_overdue(registry: Registry, wakeups: Wakeups, resume: Resume, now: datetime) -> Sequence[str]:
    """Give the default answer to questions past their time, once, and see that every answered run goes on; return their ids."""
    moved = []
    for run in await registry.runs(limit=LOOK_BACK):
        question = await newest_question(run, registry) if run.state in RESTING else None
        if question is None:
            continue
        if question.answered is None and now >= question.deadline:
            hours = (question.deadline - question.asked).total_seconds() / 3600
            await settle(run, question.number, default_answer(hours), registry, wakeups)
            question = await newest_question(run, registry) or question
        if question.answered is not None and await go_on(run, question, registry, wakeups, resume):
            moved.append(run.id)
    return moved
