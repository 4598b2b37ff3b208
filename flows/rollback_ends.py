"""How a rollback ends when nothing is taken back, and what is told of it."""

from collections.abc import Mapping
from typing import Literal

from domain.data_errors import RestoreUnfinished
from domain.leases import Lease
from domain.releases import Release, live
from domain.rollbacks import RollbackOutcome, RollbackRequest, Stay
from domain.snapshots import undo_reference
from domain.values import Value
from flows.opening import Blocks
from flows.snapshots import bring_data_back, leave_data
from tasks.audit import record
from tasks.exclusive import bring_back, let_rest
from tasks.rollback import break_off, note_answer, tell_rollback, tell_stay

End = Literal[
    "rolled back",
    "nothing to do",
    "nothing to go back to",
    "not healthy",
    "a person is asked",
    "refused",
    "data restored",
]
STAYS: Mapping[RollbackOutcome, End] = {
    RollbackOutcome.NOTHING: "nothing to go back to",
    RollbackOutcome.NOT_HEALTHY: "not healthy",
    RollbackOutcome.ASKED: "a person is asked",
    RollbackOutcome.REFUSED: "refused",
}


class RolledBack(Value):
    """What a rollback came to."""

    outcome: End
    project: str
    bad: int | None = None
    good: int | None = None
    message: str


async def leave_alone(request: RollbackRequest, serving: Release, blocks: Blocks, lease: Lease) -> RolledBack:
    """Take nothing back, and say so in the history."""
    await leave_data(serving, blocks, lease)
    message = f"{request.project}: release {serving.number} answers again, so it stays"
    await note_answer(request.project, serving.number, request.reason, blocks.registry)
    return RolledBack(outcome="nothing to do", project=request.project, message=message)


async def stay(request: RollbackRequest, step: Stay, blocks: Blocks, lease: Lease) -> RolledBack:
    """Leave the release, and tell the person; what nobody asked for is told to the operator too.

    A copy that the watch found ended is started again, since nothing takes its place: better than no app at all.
    """
    await leave_data(step.bad, blocks, lease)
    if request.automatic and await let_rest(lease, blocks.registry, blocks.engine, blocks.wakeups):
        unwell = await bring_back_now(blocks, lease)
        became = f"it was started again, but is not well: {unwell}" if unwell else "it was started again, and is well"
        step = step.model_copy(update={"message": f"{step.message}; {became}"})
    await tell_stay(lease, step, request, blocks.registry, blocks.wakeups)
    return RolledBack(outcome=STAYS[step.outcome], project=request.project, bad=step.bad.number, message=step.message)


async def bring_back_now(blocks: Blocks, lease: Lease) -> str:
    """Let what rests serve again; return why it is unwell, empty when it is not."""
    registry, engine, seconds = blocks.registry, blocks.engine, blocks.installation.health_seconds
    return await bring_back(lease, seconds, registry, engine, blocks.vault, blocks.git, blocks.proxy, blocks.wakeups)


async def refuse(request: RollbackRequest, good: Release, bad: Release, why: str, blocks: Blocks, lease: Lease) -> RolledBack:
    """Leave everything as it is, since going back could cost data; whoever did not say what he wants is told what can be."""
    if not request.data:
        step = Stay(bad=bad, end=str(good.number), outcome=RollbackOutcome.REFUSED, message=why)
        await tell_stay(lease, step, request, blocks.registry, blocks.wakeups)
    return RolledBack(outcome="refused", project=bad.project, bad=bad.number, good=good.number, message=why)


async def leave_stopped(request: RollbackRequest, stuck: RestoreUnfinished, blocks: Blocks, lease: Lease) -> RolledBack:
    """Leave the release stopped, since no data is there that it may run on, and tell the person and the operator."""
    serving = live(await blocks.registry.releases(request.project))
    if serving is None:
        raise stuck
    refused, why = RollbackOutcome.REFUSED, str(stuck)
    step = Stay(bad=serving, end="unfinished", outcome=refused, message=why, is_for_operator=True)
    await tell_stay(lease, step, request, blocks.registry, blocks.wakeups)
    return RolledBack(outcome="refused", project=serving.project, bad=serving.number, message=why)


async def restore_named(request: RollbackRequest, serving: Release, blocks: Blocks, lease: Lease) -> RolledBack:
    """Put a snapshot in the place of the data, and leave the release; a rollback that was left open has broken off."""
    await break_off(request.project, blocks.registry)
    why = await bring_data_back(serving, request.data, request.asked, blocks, lease)
    project, kept = request.project, undo_reference(serving.number, request.data)
    done = f"{project} has the data of snapshot {request.data} again; what it had until now is snapshot {kept}"
    await record(project, request.who, f"data of snapshot {request.data}", blocks.registry, why=why or done, once=True)
    outcome: Literal["refused", "data restored"] = "refused" if why else "data restored"
    return RolledBack(outcome=outcome, project=project, bad=serving.number, message=why or done)


def taken_back(good: Release, bad: Release, reason: str) -> str:
    return f"{good.project} is back on release {good.number}: release {bad.number} was taken back because {reason}"


async def tell(bad: Release, good: Release, message: str, blocks: Blocks, who: str) -> None:
    await tell_rollback(bad.project, bad.number, str(good.number), message, blocks.registry, blocks.wakeups, who)
