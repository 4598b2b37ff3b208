"""delivery: one accepted Brief becomes a release, or a person is told why not."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count

from prefect import flow, tags
from prefect.flow_runs import asuspend_flow_run
from prefect.runtime import flow_run

from domain.diagnoses import diagnose, stopped
from domain.errors import DiskFull, RunCancelled, SlipwayError, TryAgain, is_disk_full
from domain.outcomes import Delivered, Escalated, Outcome, Released, SecretsMissing, interrupted
from domain.runs import DeliveryRequest, RunState
from flows.devops import Deployment, devops
from flows.engineering import Commission, engineering
from flows.opening import Blocks, open_blocks
from flows.questions import ask_person, take_up
from tasks.finish import describe_end, publish_brief, publish_cost, record_delivery
from tasks.missing_secrets import SecretsProvided, secrets_key, wait_for_secrets
from tasks.notify import end_run
from tasks.progress import Journal
from tasks.redaction import shield
from tasks.unfinished import end_unfinished

WEEK = 7 * 24 * 3600
"""Seconds for which a run waits for a person."""


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
    await publish_cost(request.run, blocks.registry)
    delivered = describe_end(request, outcome)
    await end_run(
        request.run,
        RunState(delivered.state),
        delivered.message,
        delivered.address,
        blocks.registry,
        blocks.wakeups,
        delivered.cause,
    )
    if delivered.state == "failed":
        with suppress(TryAgain):  # what an engine that is away keeps, the janitor removes
            await end_unfinished(blocks.registry, blocks.engine, blocks.wakeups, request.project)
    return delivered


async def work(request: DeliveryRequest, blocks: Blocks) -> Outcome:
    """Build and deploy; what a person can mend is asked, and the answer takes the work up where it stopped."""
    await shield(request.project, blocks.vault)
    await publish_brief(request)
    attempts, questions = count(1), count(1)
    commission = Commission(request=request, rounds=blocks.installation.rounds)
    outcome = await build_and_deploy(commission, attempts, blocks)
    while (diagnosis := diagnose(outcome)) is not None:
        number = next(questions)
        answer = await ask_person(request, number, diagnosis, blocks)
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


async def build_and_deploy(commission: Commission, attempts: Iterator[int], blocks: Blocks) -> Outcome:
    """Engineer, then deploy; missing secrets suspend the run and are asked for by name."""
    request = commission.request
    built = await engineering(commission)
    if isinstance(built, Escalated):
        return built
    for attempt in attempts:
        released = await devops(
            Deployment(
                run=request.run,
                project=request.project,
                commit=built.commit,
                candidate=built.candidate,
                checks=built.checks,
                attempt=attempt,
            )
        )
        if isinstance(released, Released):
            await record_delivery(request, built, blocks.registry)
        if isinstance(released, Escalated):
            return released
        if not isinstance(released, SecretsMissing):
            return built, released
        await wait_for_secrets(
            request.run, request.project, released.names, attempt, blocks.registry, blocks.wakeups, released.complaints
        )
        await asuspend_flow_run(wait_for_input=SecretsProvided, timeout=WEEK, key=secrets_key(attempt))
        await Journal(request.run, blocks.registry, blocks.wakeups).step("environment", "the missing secrets are there")
    raise AssertionError("attempts never end")
