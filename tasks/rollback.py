"""Tell the person of a rollback.

True afterwards: one notification per pair of releases, and one audit line. Blocks: registry, wakeups.
"""

from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import SLIPWAY
from domain.protocols import Registry, Wakeups
from domain.runs import Notification, Run
from tasks.audit import record
from tasks.notify import OUTBOX, tell
from tasks.progress import hint
from tasks.redaction import redacted
from tasks.retrying import only_try_again


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
    good: int | None,
    text: str,
    registry: Registry,
    wakeups: Wakeups,
    who: str = SLIPWAY,
    *,
    refused: bool = False,
) -> None:
    """Write the audit line and one message to the person who asked for the broken release.

    `refused`: nothing was done, since going back could cost data.
    """
    key = f"{project}:{'refused' if refused else 'rollback'}-{bad}-{good or 'none'}"
    run = await run_of_release(project, bad, registry)
    if run is not None:
        await tell(key, run, text, registry, wakeups)
    else:
        await registry.add_notification(
            Notification(key=key, channel="cli", chat="", text=redacted(text), created=datetime.now(UTC))
        )
        await hint(wakeups, OUTBOX, key)
    what = f"{'no ' if refused else ''}rollback of release {bad} to {good or 'nothing'}"
    await record(project, who, what, registry, why=text, version=good or bad, once=True)


async def run_of_release(project: str, number: int, registry: Registry) -> Run | None:
    found = next((release for release in await registry.releases(project) if release.number == number), None)
    return await registry.run(found.run) if found else None
