"""rollback: roll out the previous good release by the same steps as any other."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Literal, cast, get_args

from prefect import flow
from prefect.context import FlowRunContext
from pydantic import Field

from domain.audit import SLIPWAY
from domain.errors import NothingToRollBackTo, UnknownObject
from domain.leases import Lease
from domain.outcomes import Rejected
from domain.releases import Release, ReleaseState, is_meant, live, previous_good, startable
from domain.snapshots import DataChoice, undo_reference
from domain.values import Value
from flows.leases import under_lease
from flows.opening import Blocks, open_blocks
from flows.snapshots import bring_data_back, give_data_back, leave_data, settle_data
from tasks.audit import record
from tasks.deployer import gate_release, restart_release, retire_releases, switch_release
from tasks.exclusive import bring_back, make_room
from tasks.hosts import main_host
from tasks.kinds import kind_named
from tasks.readiness import health_check_of, publish_release
from tasks.redaction import shield
from tasks.rollback import tell_rollback
from tasks.tagging import tag_run


class RollbackRequest(Value):
    """What is asked for, and by which run."""

    project: str
    release: int | None = Field(default=None, description="The broken one; None for the one that served when it was asked for")
    to: int | None = Field(default=None, description="Release to go back to; None for the previous good one")
    reason: str
    who: str = Field(default=SLIPWAY, description="Who asked for it; Slipway itself when the automation did")
    data: str = Field(
        default="",
        pattern=r"^(|keep|restore|v[0-9]+(-undo|-redo)?)$",
        description="What becomes of the data: empty is whatever is safe, `keep` leaves it, `restore` brings back the snapshot "
        "that belongs to the way back. The name of a snapshot: only the data goes back to it, the release stays",
    )
    owner: str = Field(description="Prefect's id of the flow run: two rollbacks are never taken for one")
    asked: datetime


class RolledBack(Value):
    """What a rollback came to."""

    outcome: Literal["rolled back", "nothing to do", "nothing to go back to", "not healthy", "refused", "data restored"]
    project: str
    bad: int | None = None
    good: int | None = None
    message: str


@flow(name="rollback", flow_run_name="roll back {project}", persist_result=True)
async def rollback(
    project: str,
    release: int | None = None,
    to: int | None = None,
    reason: str = "asked for by hand",
    who: str = SLIPWAY,
    data: str = "",
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
    return await roll_back(
        RollbackRequest(project=project, release=release, to=to, reason=reason, who=who, data=data, owner=owner, asked=asked),
        blocks,
    )


async def roll_back(request: RollbackRequest, blocks: Blocks) -> RolledBack:
    """Do it while nobody else changes the project; what this process writes holds no secret of it."""
    await shield(request.project, blocks.vault)
    return await under_lease(request.project, request.owner, blocks, partial(decide, request, blocks))


async def decide(request: RollbackRequest, blocks: Blocks, lease: Lease) -> RolledBack:
    """Look at what serves now, and go back from it, finish what was begun, or leave it."""
    releases = await blocks.registry.releases(request.project)
    serving = live(releases)
    if serving is None:
        message = f"{request.project}: no release serves"
        return RolledBack(outcome="nothing to do", project=request.project, message=message)
    if not is_meant(serving, request.release, request.asked):
        return await finish(request, serving, releases, blocks, lease)
    if request.data not in get_args(DataChoice):
        return await restore_named(request, serving, blocks, lease)
    good = previous_good(releases) if request.to is None else startable(releases, request.to)
    if good is None:
        await leave_data(serving, blocks, lease)
        return await stay(request, serving, blocks)
    if why := await settle_data(good, serving, cast(DataChoice, request.data), blocks, lease):
        return await refuse(request, good, serving, why, blocks)
    return await roll_out(request, good, serving, blocks, lease)


async def finish(
    request: RollbackRequest, serving: Release, releases: Sequence[Release], blocks: Blocks, lease: Lease
) -> RolledBack:
    """Leave the release that serves, and do what a rollback to it that was interrupted has left undone."""
    await leave_data(serving, blocks, lease)
    await switch_to(serving, "", blocks, lease)
    bad = next((r for r in releases if r.number == request.release and r.state is ReleaseState.ROLLED_BACK), None)
    if bad is not None and serving.number < bad.number:
        await tell(bad, serving, taken_back(serving, bad, bad.reason), blocks, request.who)
    named = f"release {request.release}" if request.release is not None else "the release that was meant"
    message = f"{request.project}: {named} does not serve any more, release {serving.number} does"
    return RolledBack(outcome="nothing to do", project=request.project, message=message)


async def stay(request: RollbackRequest, bad: Release, blocks: Blocks) -> RolledBack:
    """Leave everything as it is, and tell the person."""
    project, to = request.project, request.to
    message = (
        str(NothingToRollBackTo(project)) if to is None else f"{project} keeps no startable release {to}; it stays as it is"
    )
    told = f"{message} ({request.reason})"
    await tell_rollback(project, bad.number, to, told, blocks.registry, blocks.wakeups, request.who)
    return RolledBack(outcome="nothing to go back to", project=project, bad=bad.number, message=message)


async def refuse(request: RollbackRequest, good: Release, bad: Release, why: str, blocks: Blocks) -> RolledBack:
    """Leave everything as it is, since going back could cost data; whoever did not say what he wants is told what can be."""
    if not request.data:
        told, registry, wakeups = f"{why} ({request.reason})", blocks.registry, blocks.wakeups
        await tell_rollback(bad.project, bad.number, good.number, told, registry, wakeups, request.who, refused=True)
    return RolledBack(outcome="refused", project=bad.project, bad=bad.number, good=good.number, message=why)


async def restore_named(request: RollbackRequest, serving: Release, blocks: Blocks, lease: Lease) -> RolledBack:
    """Put a snapshot in the place of the data, and leave the release."""
    why = await bring_data_back(serving, request.data, request.asked, blocks, lease)
    project, kept = request.project, undo_reference(serving.number, request.data)
    done = f"{project} has the data of snapshot {request.data} again; what it had until now is snapshot {kept}"
    await record(project, request.who, f"data of snapshot {request.data}", blocks.registry, why=why or done, once=True)
    outcome: Literal["refused", "data restored"] = "refused" if why else "data restored"
    return RolledBack(outcome=outcome, project=project, bad=serving.number, message=why or done)


async def roll_out(request: RollbackRequest, good: Release, bad: Release, blocks: Blocks, lease: Lease) -> RolledBack:
    """Start the good release, gate it, switch to it, stop the bad one, tell the person."""
    registry, engine, wakeups = blocks.registry, blocks.engine, blocks.wakeups
    found = await registry.project(good.project)
    if found is None:
        raise UnknownObject("project", good.project)
    kind, check = kind_named(found.kind), await health_check_of(found, good.commit, blocks.git)
    version = await registry.environment(good.project, good.environment_version)
    await make_room(lease, kind.exclusivity, version, registry, engine, wakeups, starts=good)
    await restart_release(lease, good, kind.process, registry, engine, blocks.vault, wakeups)
    unfit = await gate_release(lease, good, check, blocks.installation.health_seconds, registry, engine, wakeups)
    unfit = unfit or await switch_to(good, request.reason, blocks, lease)
    if unfit is not None:
        await give_data_back(good, bad, blocks, lease)
        await bring_back(
            lease, blocks.installation.health_seconds, registry, engine, blocks.vault, blocks.git, blocks.proxy, wakeups
        )
        message = (
            f"{good.project}: release {bad.number} is broken and release {good.number} does not start either: {unfit.reason}"
        )
        await tell(bad, good, message, blocks, request.who)
        return RolledBack(outcome="not healthy", project=good.project, bad=bad.number, good=good.number, message=message)
    message = taken_back(good, bad, request.reason)
    await tell(bad, good, message, blocks, request.who)
    return RolledBack(outcome="rolled back", project=good.project, bad=bad.number, good=good.number, message=message)


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


def taken_back(good: Release, bad: Release, reason: str) -> str:
    return f"{good.project} is back on release {good.number}: release {bad.number} was taken back because {reason}"


async def tell(bad: Release, good: Release, message: str, blocks: Blocks, who: str) -> None:
    await tell_rollback(bad.project, bad.number, good.number, message, blocks.registry, blocks.wakeups, who)
