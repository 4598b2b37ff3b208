"""Rollback: what is written down of one, and what its people are told.

True afterwards: each attempt is a row that was there before anything was done; one notification for each thing that is
news, one audit line each. Blocks: registry, wakeups.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import SLIPWAY
from domain.leases import Lease
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.rollbacks import Attempt, RollbackOutcome, RollbackRequest, Stay, became_of
from domain.runs import Notification, Run
from tasks.audit import record
from tasks.notify import OUTBOX, tell, tell_operator
from tasks.progress import hint
from tasks.redaction import redacted
from tasks.retrying import only_try_again


@task(
    task_run_name="what became of rollbacks of {project}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def settle_attempts(project: str, registry: Registry) -> Sequence[Attempt]:
    """End the attempts whose process died after they came to something; return all of the project, oldest first."""
    releases = await registry.releases(project)
    for attempt in await registry.rollbacks(project):
        ended = became_of(attempt, releases)
        if attempt.outcome is RollbackOutcome.BEGUN and ended is not RollbackOutcome.BROKEN_OFF:
            await registry.end_rollback(attempt.position, ended)
    return await registry.rollbacks(project)


@task(
    task_run_name="note the rollback of {lease.project} to {good}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def begin_attempt(lease: Lease, bad: int, good: int, automatic: bool, registry: Registry) -> Attempt:
    """Write down what is about to be tried; an attempt at anything else that was left open has broken off."""
    attempt = await registry.begin_rollback(lease.project, bad, good, datetime.now(UTC), automatic=automatic, fence=lease.fence)
    await break_off.fn(lease.project, registry, but=attempt.position)
    return attempt


@task(
    task_run_name="break off rollbacks of {project}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def break_off(project: str, registry: Registry, but: int | None = None) -> None:
    """End the attempts that were left open, all but one: what they have done is nothing of what is done from now on."""
    for attempt in await registry.rollbacks(project):
        if attempt.outcome is RollbackOutcome.BEGUN and attempt.position != but:
            await registry.end_rollback(attempt.position, RollbackOutcome.BROKEN_OFF)


@task(
    task_run_name="note what the rollback of {attempt.project} to {attempt.good} came to",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def end_attempt(attempt: Attempt, outcome: RollbackOutcome, registry: Registry) -> None:
    """Write down what it came to."""
    await registry.end_rollback(attempt.position, outcome)


@task(
    task_run_name="note that {project} answers again",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def note_answer(project: str, release: int, reason: str, registry: Registry) -> None:
    """Write into the history that a release was spared, and of what it was accused."""
    await record(project, SLIPWAY, f"release {release} stays", registry, why=f"it answers again: {reason}", version=release)


@task(
    task_run_name="tell of {project}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def tell_rollback(
    project: str,
    bad: int,
    end: str,
    text: str,
    registry: Registry,
    wakeups: Wakeups,
    who: str = SLIPWAY,
    *,
    refused: bool = False,
) -> None:
    """Write the audit line and one message to the person who asked for the broken release.

    `end` is the number of the release that serves instead, or how else it ended (`domain.rollbacks.Stay`).
    `refused`: nothing was done, since going back could cost data.
    """
    key = f"{project}:{'refused' if refused else 'rollback'}-{bad}-{end}"
    run = await run_of_release(project, bad, registry)
    if run is not None:
        await tell(key, run, text, registry, wakeups)
    else:
        await registry.add_notification(
            Notification(key=key, channel="cli", chat="", text=redacted(text), created=datetime.now(UTC))
        )
        await hint(wakeups, OUTBOX, key)
    what = f"{'no ' if refused else ''}rollback of release {bad} to {end if end.isdecimal() else f'nothing ({end})'}"
    if not any(line.what == what for line in await registry.history(project)):  # a complaint has another figure each time
        await record(project, who, what, registry, why=text, version=int(end) if end.isdecimal() else bad)


@task(
    task_run_name="tell why {lease.project} stays",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def tell_stay(lease: Lease, step: Stay, wish: RollbackRequest, registry: Registry, wakeups: Wakeups) -> None:
    """Tell it once to the person, and to the operator what nobody asked for or only he can mend; it leaves a row, once."""
    project, bad = lease.project, step.bad.number
    known = [(attempt.bad, attempt.outcome) for attempt in await registry.rollbacks(project)]
    if (bad, step.outcome) not in known:
        attempt = await registry.begin_rollback(
            project, bad, None, datetime.now(UTC), automatic=wish.automatic, fence=lease.fence
        )
        await registry.end_rollback(attempt.position, step.outcome)
    text = f"{step.message} ({wish.reason})"
    refused = step.outcome is RollbackOutcome.REFUSED
    await tell_rollback.fn(project, bad, step.end, text, registry, wakeups, wish.who, refused=refused)
    if wish.automatic or step.is_for_operator:
        await tell_operator(f"operator:{project}:rollback-{bad}-{step.end}", text, registry, wakeups, datetime.now(UTC))


async def run_of_release(project: str, number: int, registry: Registry) -> Run | None:
    found = next((release for release in await registry.releases(project) if release.number == number), None)
    return await registry.run(found.run) if found else None
