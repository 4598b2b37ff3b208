"""Digest: one message a day to the operator.

True afterwards: the outbox holds the day's digest, once, and the run has it as an artifact and in its log.
Blocks: registry, wakeups. The key of the day makes repeating harmless.
"""

import shutil
from datetime import datetime
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.digest import LOOK_BACK, Day, digest, digest_key, since_when
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import Run, RunState
from tasks.artifacts import publish
from tasks.notify import OPERATOR, tell_operator
from tasks.retrying import only_try_again
from tasks.run_log import run_log

RUNS = 1000
"""Runs that are looked through."""


@task(
    task_run_name="tell of the day", cache_policy=NO_CACHE, retries=5, retry_delay_seconds=2, retry_condition_fn=only_try_again
)
async def tell_day(home: Path, now: datetime, registry: Registry, wakeups: Wakeups) -> str:
    """Return the day's digest, and put it into the outbox unless the day has one."""
    text = digest(await day_until(home, now, registry))
    await tell_operator(digest_key(now), text, registry, wakeups, now)
    await publish("digest", f"{now:%Y-%m-%d}", f"```text\n{text}\n```\n", f"Digest of {now:%Y-%m-%d}")
    run_log("slipway.digest").info("%s", text)
    return text


async def day_until(home: Path, now: datetime, registry: Registry) -> Day:
    """Read everything since the digest before."""
    told = await registry.notifications(OPERATOR, now - LOOK_BACK)
    since = since_when(told, now)
    disk = shutil.disk_usage(home)

    def counts(run: Run) -> bool:
        return run.state is RunState.WAITING or (run.ended is not None and run.ended >= since)

    return Day(
        since=since,
        until=now,
        projects=tuple(await registry.projects()),
        releases=tuple(await registry.releases()),
        runs=tuple(run for run in await registry.runs(limit=RUNS) if counts(run)),
        lines=tuple(await registry.history(since=since)),
        usage=tuple(await registry.usage(since=since)),
        told=tuple(each for each in told if each.created >= since),
        disk_free=disk.free,
        disk_total=disk.total,
    )
