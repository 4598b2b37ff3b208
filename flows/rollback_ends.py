"""How a rollback ends when nothing is taken back, and what is told of it."""

from typing import Literal

from domain.leases import Lease
from domain.releases import Release
from domain.rollbacks import RollbackOutcome, RollbackRequest, Stay
from domain.snapshots import undo_reference
from domain.values import Value
from flows.opening import Blocks
from flows.snapshots import bring_data_back, leave_data
from tasks.audit import record
from tasks.rollback import note_answer, tell_rollback, tell_stay


class RolledBack(Value):
    """What a rollback came to."""

    outcome: Literal[
        "rolled back",
        "nothing to do",
        "nothing to go back to",
        "not healthy",
        "a person is asked",
        "refused",
        "data restored",
    ]
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
    """Leave everything as it is, and tell the person; what nobody asked for is told to the operator too."""
    await leave_data(step.bad, blocks, lease)
    await tell_stay(lease, step, request, blocks.registry, blocks.wakeups)
    outcome: Literal["nothing to go back to", "not healthy", "a person is asked"] = "nothing to go back to"
    if step.outcome is RollbackOutcome.ASKED:
        outcome = "a person is asked"
    elif step.outcome is RollbackOutcome.NOT_HEALTHY:
        outcome = "not healthy"
    return RolledBack(outcome=outcome, project=request.project, bad=step.bad.number, message=step.message)


async def refuse(request: RollbackRequest, good: Release, bad: Release, why: str, blocks: Blocks) -> RolledBack:
    """Leave everything as it is, since going back could cost data; whoever did not say what he wants is told what can be."""
    if not request.data:
        told, registry, wakeups = f"{why} ({request.reason})", blocks.registry, blocks.wakeups
        await tell_rollback(bad.project, bad.number, str(good.number), told, registry, wakeups, request.who, refused=True)
    return RolledBack(outcome="refused", project=bad.project, bad=bad.number, good=good.number, message=why)


async def restore_named(request: RollbackRequest, serving: Release, blocks: Blocks, lease: Lease) -> RolledBack:
    """Put a snapshot in the place of the data, and leave the release."""
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
