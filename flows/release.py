"""release: a commit and candidate that were accepted before go online, in a run of their own.

For what changes around an app and not in it: a secret, a domain; and for a preview that its person confirms.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count

from prefect import flow, tags
from prefect.runtime import flow_run

from domain.checks import Check
from domain.errors import DiskFull, RunCancelled, SlipwayError, TryAgain
from domain.full_disks import is_disk_full
from domain.outcomes import Delivered, Escalated, Overtaken, Previewed, Rejected, Released, interrupted
from domain.runs import ReleaseRequest, RunState
from flows.devops import Deployment
from flows.ending import write_end
from flows.home import go_home
from flows.online import go_online
from flows.opening import Blocks, open_blocks
from tasks.finish import describe_release
from tasks.preview_ends import REMOVER, accept_preview, clear_previews, decline_preview, promote_preview
from tasks.redaction import shield


@flow(name="release", flow_run_name="release {request.project} ({request.run})", persist_result=True)
async def release(request: ReleaseRequest) -> Delivered:
    """Put it online by the steps of every release; the run's end is written and told exactly once, whatever it is."""
    blocks = await open_blocks()
    await blocks.registry.update_run(request.run, state=RunState.RUNNING, flow_run=str(flow_run.id))
    outcome: Released | Rejected | Overtaken | Escalated
    try:
        with tags(f"project:{request.project}", f"run:{request.run}"):
            outcome = await put_online(request, blocks)
            if isinstance(outcome, Released):
                await go_home(request.project, request.run, blocks)
    except RunCancelled as cancelled:
        outcome = Escalated(reason=str(cancelled))
    except SlipwayError as error:
        outcome = interrupted(error)
    except Exception as error:  # a fault of ours: the person is told, and the flow run fails with its traceback
        reason = str(DiskFull("")) if is_disk_full(error) else f"Slipway itself failed ({type(error).__name__})"
        fault = Escalated(reason=reason, cause="broken")
        await write_end(request.project, describe_release(request, fault), blocks)
        raise
    return await write_end(request.project, describe_release(request, outcome), blocks)


async def put_online(request: ReleaseRequest, blocks: Blocks) -> Released | Rejected | Overtaken | Escalated:
    """Deploy it with the environment that the project has now; with its checks, or those of the preview that is confirmed."""
    await shield(request.project, blocks.vault)
    if request.preview is not None:
        return await confirm(request, request.preview, blocks)
    return await follow(request, blocks)


async def follow(request: ReleaseRequest, blocks: Blocks) -> Released | Rejected | Overtaken | Escalated:
    """Deploy it; where that is what serves once more, and another release took its place meanwhile, deploy that one."""
    attempts = count(1)
    while True:
        end = await online(request, tuple(await blocks.registry.checks(request.project)), blocks, attempts)
        if not isinstance(end, Overtaken) or end.release.run == request.run:
            return end
        request = request.model_copy(update={"commit": end.release.commit, "candidate": end.release.candidate})


async def confirm(request: ReleaseRequest, number: int, blocks: Blocks) -> Released | Rejected | Overtaken | Escalated:
    """Accept the preview's commit, deploy its candidate, and make its Brief and checks the project's own once it serves."""
    registry = blocks.registry
    preview = await accept_preview(request.run, request.project, number, registry, blocks.git)
    if isinstance(preview, Escalated):
        return preview
    released = await online(request, preview.checks, blocks, count(1))
    if not isinstance(released, Released):
        await decline_preview(preview, registry, blocks.git)
        return released
    await promote_preview(preview, registry)
    with suppress(TryAgain):  # it is live: what an engine or proxy that is away keeps of the preview, the janitor removes
        owner = f"{REMOVER}-{request.run}"
        await clear_previews(registry, blocks.engine, blocks.proxy, blocks.wakeups, blocks.git, request.project, owner)
    return released


async def online(
    request: ReleaseRequest, checks: tuple[Check, ...], blocks: Blocks, attempts: Iterator[int]
) -> Released | Rejected | Overtaken | Escalated:
    """Deploy exactly the request's candidate."""
    deployment = Deployment(
        run=request.run,
        project=request.project,
        commit=request.commit,
        candidate=request.candidate,
        checks=checks,
        again=request.again,
    )
    match await go_online(deployment, attempts, blocks):
        case Previewed():
            raise AssertionError("no preview was asked for")
        case end:
            return end
