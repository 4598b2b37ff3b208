"""delivery: one accepted Brief becomes a release, or a person is told why not."""

from collections.abc import Iterator
from itertools import count

from prefect import flow, tags
from prefect.runtime import flow_run

from domain.diagnoses import diagnose, of_push, stopped
from domain.errors import DiskFull, RunCancelled, SlipwayError
from domain.escalations import Diagnosis
from domain.full_disks import is_disk_full
from domain.outcomes import Accepted, Delivered, Escalated, Outcome, Released, interrupted
from domain.previews import PreviewedChange
from domain.runs import DeliveryRequest, RunState
from flows.devops import Deployment
from flows.ending import write_end
from flows.engineering import Commission, engineering
from flows.home import go_home, show_push
from flows.online import go_online
from flows.opening import Blocks, open_blocks
from flows.pushed import pushed
from flows.questions import ask_person, take_up
from tasks.finish import describe_end, publish_brief, publish_cost, record_delivery
from tasks.redaction import shield


@flow(name="delivery", flow_run_name="deliver {request.project} ({request.run})", persist_result=True)
async def delivery(request: DeliveryRequest) -> Delivered:
    """Take the request all the way; the run's end is written and told exactly once, whatever it is."""
    blocks = await open_blocks()
    await blocks.registry.update_run(request.run, state=RunState.RUNNING, flow_run=str(flow_run.id))
    outcome: Outcome
    try:
        with tags(f"project:{request.project}", f"run:{request.run}"):
            outcome = await work(request, blocks)
    except RunCancelled as cancelled:
        outcome = Escalated(reason=str(cancelled))
    except SlipwayError as error:
        outcome = interrupted(error)
    except Exception as error:  # a fault of ours: the person is told, and the flow run fails with its traceback
        reason = str(DiskFull("")) if is_disk_full(error) else f"Slipway itself failed ({type(error).__name__})"
        fault = Escalated(reason=reason, cause="broken")
        await tell_end(request, fault, blocks)
        raise
    return await tell_end(request, outcome, blocks)


async def tell_end(request: DeliveryRequest, outcome: Outcome, blocks: Blocks) -> Delivered:
    """Write and tell the run's end, once, and show what it cost; a copy that will never serve is gone."""
    await show_push(request, outcome, blocks)
    await publish_cost(request.run, blocks.registry)
    return await write_end(request.project, describe_end(request, outcome), blocks)


async def work(request: DeliveryRequest, blocks: Blocks) -> Outcome:
    """Build and deploy; what a person can mend is asked, and the answer takes the work up where it stopped."""
    await shield(request.project, blocks.vault)
    await publish_brief(request)
    attempts, questions = count(1), count(1)
    commission = Commission(request=request, rounds=blocks.installation.rounds)
    outcome = await build_and_deploy(commission, attempts, blocks)
    while (diagnosis := asked_of(request, outcome)) is not None:
        number = next(questions)
        answer = await ask_person(request, number, diagnosis, outcome, blocks)
        if answer is None:
            continue
        if answer.choice == "stop":
            return stopped(outcome, answer)
        taken_up = await take_up(commission, outcome, number, answer, blocks)
        if isinstance(taken_up, Commission):
            commission, outcome = taken_up, await build_and_deploy(taken_up, attempts, blocks)
        else:
            outcome = taken_up
    return outcome


def asked_of(request: DeliveryRequest, outcome: Outcome) -> Diagnosis | None:
    """Return what its person can answer to this end; None when there is nothing to ask."""
    return of_push(diagnose(outcome)) if request.commit else diagnose(outcome)


def previewed_change(request: DeliveryRequest, built: Accepted) -> PreviewedChange | None:
    """Return what is shown before it goes live; None when it goes live at once."""
    if not request.preview:
        return None
    return PreviewedChange(
        project=request.project,
        run=request.run,
        commit=built.commit,
        candidate=built.candidate,
        base=built.base,
        data=request.preview,
        brief=request.brief,
        checks=built.checks,
    )


async def build_and_deploy(commission: Commission, attempts: Iterator[int], blocks: Blocks) -> Outcome:
    """Engineer, then deploy; missing secrets suspend the run and are asked for by name."""
    request = commission.request
    built = await (pushed(commission) if request.commit else engineering(commission))
    if isinstance(built, Escalated):
        return built
    deployment = Deployment(
        run=request.run,
        project=request.project,
        commit=built.commit,
        candidate=built.candidate,
        checks=built.checks,
        preview=previewed_change(request, built),
    )
    released = await go_online(deployment, attempts, blocks)
    if isinstance(released, Released):
        if not request.commit:  # a person's own commit brings neither Brief nor checks
            await record_delivery(request, built, blocks.registry)
        await go_home(request.project, request.run, blocks)
    return released if isinstance(released, Escalated) else (built, released)
