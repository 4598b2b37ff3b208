"""Janitor: remove what nobody owns any more.

True afterwards: no worker of an ended run is left, no rehearsal either; of each project only the newest good releases can
still be started, and only their candidates are kept; no request waits for a process that is dead, and no ended run holds
money. Everything it removes it names.
Blocks: registry, engine, wakeups.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import JANITOR
from domain.engines import Engine
from domain.errors import LeaseLost
from domain.leases import Lease
from domain.previews import needed_candidates
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.releases import KEEP, ReleaseState, retired
from domain.runs import NEVER_HANDED_OVER, WAITED_TOO_LONG, RunState, never_handed_over, waited_too_long
from domain.snapshots import superseded
from domain.usage import TokenUsage
from tasks.answering import open_question
from tasks.audit import record
from tasks.brief_talk import lease
from tasks.leases import claim, give_back, hold
from tasks.notify import end_run
from tasks.retrying import only_try_again
from tasks.snapshots import forget_snapshots

CALL_PATIENCE = timedelta(hours=1)
"""A call that is still under way has begun since."""

BEYOND = f"the newest {KEEP} good ones before the live one stay"
NO_RELEASE = "no release needs it"
LOST = (ReleaseState.FAILED, ReleaseState.ROLLED_BACK)
LOOK_BACK = 500
"""Runs that are looked at; older ones have ended."""


@task(
    task_run_name="remove orphan workers",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def remove_orphans(registry: Registry, engine: Engine, wakeups: Wakeups) -> Sequence[str]:
    """Remove workers, rehearsals, their databases, and release commands whose run has ended or is unknown; return names."""
    removed = []
    for worker in await engine.workers():
        if await has_ended(worker.run, registry) and not await is_asked(worker.run, wakeups):
            await engine.remove_worker(worker.identity)
            removed.append(worker.identity)
    for app in await engine.apps():
        if app.role in ("rehearsal", "command") and await has_ended(app.run, registry):
            await engine.remove(app.identity)
            removed.append(app.identity)
    for found in await engine.resources.status():
        if found.scratch_of and await has_ended(found.run, registry):
            await engine.resources.remove(found.project, found.kind, found.scratch_of)
            removed.append(found.identity)
    return removed


@task(
    task_run_name="remove retired releases",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def remove_retired(registry: Registry, engine: Engine, wakeups: Wakeups) -> Sequence[str]:
    """Remove copies, candidates and snapshots of releases beyond those that are kept; return their names.

    A project that is being deployed or rolled back is left for the next time.
    """
    removed: list[str] = []
    for project in await registry.projects():
        releases = await registry.releases(project.slug)
        if not retired(releases) and not superseded(await registry.snapshots(project.slug), releases):
            continue
        lease = await claim(project.slug, JANITOR, registry, wakeups)
        if lease is None:
            continue
        try:
            removed += await remove_retired_of(lease, registry, engine, wakeups)
            removed += await forget_snapshots(lease, registry, engine, wakeups)
        except LeaseLost:  # it slept, and another works on the project by now
            continue
        finally:
            await give_back(lease, registry, wakeups)
    return removed


async def remove_retired_of(lease: Lease, registry: Registry, engine: Engine, wakeups: Wakeups) -> Sequence[str]:
    """Remove what the project's releases no longer need, each release before its row says so."""
    releases = await registry.releases(lease.project)
    gone = retired(releases)
    used = {r.candidate for r in releases if r not in gone and r.state is not ReleaseState.REMOVED}
    used |= needed_candidates(await registry.previews(lease.project))
    for release in gone:
        await hold(lease, registry, wakeups)  # a rollback may be starting one of these copies, if this process has slept
        await engine.remove(release.identity)
        if release.candidate not in used:
            await engine.remove_candidate(release.candidate)
        await registry.move_release(release.project, release.number, ReleaseState.REMOVED, fence=lease.fence)
        what, why = f"release {release.number} removed", release.reason if release.state in LOST else BEYOND
        await record(release.project, JANITOR, what, registry, why=why, version=release.number, once=True)
    return [release.identity for release in gone]


@task(
    task_run_name="remove candidates that no release needs",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def remove_candidates(registry: Registry, engine: Engine) -> Sequence[str]:
    """Remove what rounds built that came to no release; return the names. Projects with an open run are left alone."""
    removed = []
    for project in await registry.projects():
        built = await engine.candidates(project.slug)  # before its runs are read: a run that ends meanwhile has its release
        if not all(run.state.ended for run in await registry.runs(project.slug, LOOK_BACK)):
            continue
        releases = await registry.releases(project.slug)
        needed = {release.candidate for release in releases if release.state is not ReleaseState.REMOVED}
        needed |= needed_candidates(await registry.previews(project.slug))
        for candidate in sorted({*built} - needed):
            await engine.remove_candidate(candidate)
            await record(project.slug, JANITOR, f"candidate {candidate[:19]} removed", registry, why=NO_RELEASE)
            removed.append(candidate)
    return removed


@task(
    task_run_name="end runs that nobody will work on",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def end_forgotten(registry: Registry, wakeups: Wakeups, now: datetime) -> Sequence[str]:
    """Fail runs that nobody will work on, tell their people, and free the names they reserved; return their ids."""
    ended = []
    for run in await registry.runs(limit=LOOK_BACK):
        if never_handed_over(run, now):
            await end_run.fn(run.id, RunState.FAILED, NEVER_HANDED_OVER, "", registry, wakeups)
            if not run.change and len(await registry.runs(run.project, 2)) == 1:
                await registry.remove_project(run.project)
            ended.append(run.id)
        elif waited_too_long(run, now) and await open_question(run, registry) is None:
            await end_run.fn(run.id, RunState.FAILED, WAITED_TOO_LONG, "", registry, wakeups)
            ended.append(run.id)
    return ended


@task(
    task_run_name="close what was reserved for ended runs",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def close_reservations(registry: Registry, now: datetime) -> Sequence[str]:
    """Settle the calls of ended runs whose process died under way, at their worst case; return their names.

    Nobody but the model service knows what they cost: more than is spent may be booked for them, never less.
    """
    closed = []
    for left in await registry.reservations(now - CALL_PATIENCE):
        if await has_ended(left.run, registry):
            await registry.settle(left.call, TokenUsage(), left.micro_usd)
            closed.append(left.call)
    return closed


async def is_asked(run: str, wakeups: Wakeups) -> bool:
    """Tell whether a Brief is being written for a run that nobody has accepted yet."""
    taken = await wakeups.lock(lease(run), JANITOR, 1.0) is None
    if not taken:
        await wakeups.unlock(lease(run), JANITOR)
    return taken


async def has_ended(run: str, registry: Registry) -> bool:
    found = await registry.run(run)
    return found is None or found.state.ended
