"""release: a commit and candidate that were accepted before go online, in a run of their own.

For what changes around an app and not in it: a secret, a domain; and for a preview that its person confirms.
"""

from itertools import count

from prefect import flow, tags
from prefect.runtime import flow_run

from domain.errors import DiskFull, RunCancelled, SlipwayError, is_disk_full
from domain.outcomes import Delivered, Escalated, Overtaken, Rejected, Released, interrupted
from domain.runs import ReleaseRequest, RunState
from flows.devops import Deployment
from flows.ending import write_end
from flows.online import go_online
from flows.opening import Blocks, open_blocks
from tasks.finish import describe_release
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
    """Deploy it with the project's checks as they are now, and the environment that it has now."""
    await shield(request.project, blocks.vault)
    deployment = Deployment(
        run=request.run,
        project=request.project,
        commit=request.commit,
        candidate=request.candidate,
        checks=tuple(await blocks.registry.checks(request.project)),
    )
    return await go_online(deployment, count(1), blocks)
