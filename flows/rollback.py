"""rollback: roll out the previous good release by the same steps as any other, or say why the app stays as it is."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, cast, get_args

from prefect import flow
from prefect.context import FlowRunContext
from pydantic import Field

from domain.audit import SLIPWAY
from domain.data_errors import RestoreUnfinished
from domain.errors import UnknownObject
from domain.health import HealthCheck
from domain.leases import Lease
from domain.outcomes import Rejected
from domain.releases import Release, ReleaseState
from domain.rollbacks import (
    TRIES,
    Attempt,
    GoBack,
    Leave,
    RollbackOutcome,
    RollbackRequest,
    Stay,
    came_of,
    next_step,
    unfinished,
)
from domain.snapshots import DataChoice
from domain.watching import is_silence
from flows.leases import under_lease
from flows.opening import Blocks, open_blocks
from flows.rollback_ends import (
    RolledBack,
    bring_back_now,
    leave_alone,
    leave_stopped,
    refuse,
    restore_named,
    stay,
    taken_back,
    tell,
)
from flows.snapshots import give_data_back, leave_data, settle_data
from tasks.deployer import gate_release, restart_release, switch_release
from tasks.exclusive import make_room
from tasks.hosts import main_host
from tasks.kinds import kind_named
from tasks.readiness import health_check_of, publish_release
from tasks.redaction import shield
from tasks.retirement import retire_releases
from tasks.rollback import begin_attempt, end_attempt, settle_attempts
from tasks.second_look import answers_again
from tasks.tagging import tag_run

Number = Annotated[int | None, Field(ge=1)]


@flow(name="rollback", flow_run_name="roll back {project}", persist_result=True)
async def rollback(
    project: Annotated[str, Field(description="Name of the project; all else may stay empty")],
    release: Annotated[Number, Field(description="Number of the broken release; empty: the one that serves now")] = None,
    to: Annotated[Number, Field(description="Number of the release to go back to; empty: the newest good one before")] = None,
    reason: Annotated[str, Field(description="Why; its person and the history are told")] = "asked for by hand",
    automatic: Annotated[bool, Field(description="The watch asks and no person: leave it off by hand")] = False,
    who: Annotated[str, Field(description="Who asks, for the history")] = SLIPWAY,
    data: Annotated[str, Field(description="keep, restore, the name of a snapshot, or empty: whatever loses nothing")] = "",
) -> RolledBack:
    """Bring the previous good release (or release `to`) back.

    `release` names the broken one; without it the one is meant that served when this run was created. When that does not
    serve any more there is nothing to decide, and only what an interrupted rollback left undone is finished; so a late or
    repeated event or tap is harmless. The person is told once. `data` says what becomes of what the app keeps: `keep`,
    `restore`, the name of a snapshot, or, empty, whatever loses nothing (docs/releases.md).
    """
    blocks = await open_blocks()
    await tag_run(f"project:{project}")
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    asked = run.created if run and run.created else datetime.now(UTC)
    owner = f"rollback-{run.id}" if run else "rollback"
    wish = RollbackRequest(
        project=project,
        release=release,
        to=to,
        reason=reason,
        automatic=automatic,
        who=who,
        data=data,
        owner=owner,
        asked=asked,
        resumed=run is not None and run.run_count > 1,
    )
    return await roll_back(wish, blocks)


async def roll_back(request: RollbackRequest, blocks: Blocks) -> RolledBack:
    """Do it while nobody else changes the project; what this process writes holds no secret of it."""
    await shield(request.project, blocks.vault)
    return await under_lease(request.project, request.owner, blocks, partial(decide, request, blocks))


async def decide(request: RollbackRequest, blocks: Blocks, lease: Lease) -> RolledBack:
    """Take one step after the other until one is an end; where the data cannot be made whole now, the app stays stopped."""
    try:
        for _ in range(TRIES):
            if (done := await take_step(request, blocks, lease)) is not None:
                return done
    except RestoreUnfinished as stuck:
        return await leave_stopped(request, stuck, blocks, lease)
    raise AssertionError("each release that does not start is marked, and no more than that are kept")


async def take_step(request: RollbackRequest, blocks: Blocks, lease: Lease) -> RolledBack | None:
    """Go back from what serves now, finish what was begun, or leave it; None after a release that does not start."""
    project, registry = request.project, blocks.registry
    await end_interrupted(project, blocks, lease)
    releases, attempts = await registry.releases(project), await settle_attempts(project, registry)
    flap = timedelta(seconds=blocks.installation.flap_seconds)
    match next_step(request, releases, attempts, flap, datetime.now(UTC)):
        case Leave(serving=Release() as serving):
            return await finish(request, serving, releases, attempts, blocks, lease)
        case Leave():
            return RolledBack(outcome="nothing to do", project=project, message=f"{project}: no release serves")
        case GoBack(bad=bad) | Stay(bad=bad) if request.data not in get_args(DataChoice):
            return await restore_named(request, bad, blocks, lease)
        case GoBack(bad=bad) | Stay(bad=bad) if await is_well_again(request, bad, blocks):
            return await leave_alone(request, bad, blocks, lease)
        case Stay() as step:
            return await stay(request, step, blocks, lease)
        case GoBack() as step:
            return await go_back(request, step, blocks, lease)


async def is_well_again(request: RollbackRequest, serving: Release, blocks: Blocks) -> bool:
    """Look once more at a release that the watch found silent: one that hung for some seconds answers by now."""
    if not request.automatic or not is_silence(request.reason):
        return False
    return await answers_again(serving, await check_of(serving, blocks), blocks.engine)


async def finish(
    request: RollbackRequest,
    serving: Release,
    releases: Sequence[Release],
    attempts: Sequence[Attempt],
    blocks: Blocks,
    lease: Lease,
) -> RolledBack:
    """Leave the release that serves, and do what a rollback to it that was interrupted has left undone.

    Whoever was interrupted himself has rolled back; whoever comes second has nothing to do.
    """
    await leave_data(serving, blocks, lease)
    await switch_to(serving, "", blocks, lease)
    done = came_of(request, serving, attempts)
    bad = next((r for r in releases if done is not None and r.number == done.bad), None)
    if bad is not None:
        message = taken_back(serving, bad, bad.reason)
        await tell(bad, serving, message, blocks, request.who)
        if request.resumed:
            return RolledBack(
                outcome="rolled back", project=request.project, bad=bad.number, good=serving.number, message=message
            )
    named = f"release {request.release}" if request.release is not None else "the release that was meant"
    message = f"{request.project}: {named} does not serve any more, release {serving.number} does"
    return RolledBack(outcome="nothing to do", project=request.project, message=message)


async def go_back(request: RollbackRequest, step: GoBack, blocks: Blocks, lease: Lease) -> RolledBack | None:
    """Start the good release, gate it, switch to it, stop the bad one, tell the person; None when it does not start.

    The attempt is written down before, so that whoever comes after a kill knows of it, and ended with what it came to.
    """
    bad, good = step.bad, step.good
    attempt = await begin_attempt(lease, bad.number, good.number, request.automatic, blocks.registry)
    if why := await settle_data(good, bad, cast(DataChoice, request.data), attempt.at, blocks, lease):
        await end_attempt(attempt, RollbackOutcome.REFUSED, blocks.registry)
        return await refuse(request, good, bad, why, blocks, lease)
    if await roll_out(good, request.reason, blocks, lease) is not None:
        await take_up_again(attempt, good, bad, blocks, lease)
        return None
    await end_attempt(attempt, RollbackOutcome.ROLLED_BACK, blocks.registry)
    message = taken_back(good, bad, request.reason)
    await tell(bad, good, message, blocks, request.who)
    return RolledBack(outcome="rolled back", project=good.project, bad=bad.number, good=good.number, message=message)


async def take_up_again(attempt: Attempt, good: Release, bad: Release, blocks: Blocks, lease: Lease) -> None:
    """Let the bad release go on as before, since the good one does not start; then the attempt has ended."""
    await give_data_back(good, bad, attempt.at, blocks, lease)
    await bring_back_now(blocks, lease)
    await end_attempt(attempt, RollbackOutcome.NOT_HEALTHY, blocks.registry)


async def end_interrupted(project: str, blocks: Blocks, lease: Lease) -> None:
    """Let a bad release go on for which an earlier process, that died, had found no good one that starts."""
    releases = await blocks.registry.releases(project)
    numbered = {release.number: release for release in releases}
    attempt = unfinished(await blocks.registry.rollbacks(project), releases)
    if attempt is not None and attempt.good is not None:
        await take_up_again(attempt, numbered[attempt.good], numbered[attempt.bad], blocks, lease)


async def roll_out(good: Release, reason: str, blocks: Blocks, lease: Lease) -> Rejected | None:
    """Start the release again, gate it, switch to it; when it is not fit it is marked as failed and this says why."""
    registry, engine, wakeups = blocks.registry, blocks.engine, blocks.wakeups
    found = await registry.project(good.project)
    if found is None:
        raise UnknownObject("project", good.project)
    kind, check = kind_named(found.kind), await check_of(good, blocks)
    version = await registry.environment(good.project, good.environment_version)
    await make_room(lease, kind.exclusivity, version, registry, engine, wakeups, starts=good)
    seconds = blocks.installation.health_seconds
    unfit = await restart_release(lease, good, kind.process, registry, engine, blocks.vault, wakeups)
    unfit = unfit or await gate_release(lease, good, check, seconds, registry, engine, wakeups)
    return unfit or await switch_to(good, reason, blocks, lease)


async def switch_to(good: Release, reason: str, blocks: Blocks, lease: Lease) -> Rejected | None:
    """Make the release the one that serves, and retire what ran before; repeating it changes nothing."""
    registry, engine, proxy, wakeups, place = (
        blocks.registry, blocks.engine, blocks.proxy, blocks.wakeups, blocks.installation,
    )  # fmt: skip
    back = await switch_release(lease, good, ReleaseState.ROLLED_BACK, reason, registry, engine, proxy, wakeups)
    if isinstance(back, Rejected):
        return back
    await retire_releases(lease, place.drain_seconds, registry, engine, proxy, wakeups)
    await publish_release(back, place.address_of(await main_host(good.project, registry)), registry, audited=False)
    return None


async def check_of(release: Release, blocks: Blocks) -> HealthCheck:
    """Return how the release's health is seen."""
    found = await blocks.registry.project(release.project)
    return await health_check_of(found, release.commit, blocks.git) if found is not None else HealthCheck()
