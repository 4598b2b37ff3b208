"""The end of a delivery: what is shown, and how it is told.

Blocks: registry.
"""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.briefs import Brief, as_markdown
from domain.checks import Check
from domain.outcomes import Accepted, Delivered, Escalated, Outcome, Overtaken, Previewed, Rejected, Released
from domain.registry import Registry
from domain.releases import ReleaseState
from domain.runs import DeliveryRequest, ReleaseRequest
from tasks.artifacts import cost_markdown, publish
from tasks.retrying import only_try_again

EVIDENCE_LIMIT = 1500
"""Characters of evidence in the message that ends a run."""


@task(
    task_run_name="brief of {request.project}",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def publish_brief(request: DeliveryRequest) -> None:
    """Show the Brief in the Prefect UI."""
    await publish("brief", request.run, as_markdown(request.brief), "What the person wants")


@task(task_run_name="cost of {run}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2, retry_condition_fn=only_try_again)
async def publish_cost(run: str, registry: Registry) -> None:
    """Show what the run cost."""
    await publish("cost", run, cost_markdown(await registry.cost(run=run)), "What it cost")


@task(
    task_run_name="record what {request.project} is now",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def record_delivery(request: DeliveryRequest, built: Accepted, registry: Registry) -> None:
    """Make the Brief and its checks the project's own, now that they are true of what serves."""
    await record_change(request.project, request.run, built.checks, request.brief, registry)


async def record_change(project: str, run: str, checks: Sequence[Check], brief: Brief, registry: Registry) -> None:
    """Make the Brief and the checks of a run the project's own, once what serves keeps them."""
    await registry.set_checks(project, run, checks, brief.retires)
    await registry.set_brief(project, brief)


def next_step(request: DeliveryRequest) -> str:
    """Name the command that goes on from here; the name of a project that never went online can be taken again."""
    if request.commit:
        return "What was online still is. Mend it and push again."
    change = f'`slipway change {request.project} "..."`'
    if request.change:
        return f"What was online still is. Say it with more detail: {change}."
    return f'`slipway new "..." --name {request.project}` begins anew; {change} goes on from the code that was accepted last.'


def all_the_same(project: str, built: Accepted) -> str:
    """Say what is left to say about work that was accepted; nothing of most."""
    left = "".join(f"\n- {sentence}" for sentence in built.reservations)
    return f"\nAll the same (`slipway proof {project}`):{left}" if left else ""


def describe_end(request: DeliveryRequest, outcome: Outcome) -> Delivered:
    """Say in one message how the delivery ended, and the one next thing to do."""
    if isinstance(outcome, Escalated):
        evidence = f"\n{outcome.evidence[:EVIDENCE_LIMIT]}" if outcome.evidence else ""
        cure = f"{next_step(request)} See `slipway logs {request.project}`."
        text = f"{request.project} was not delivered: {outcome.reason}. {cure}{evidence}"
        return Delivered(run=request.run, state="failed", message=text, cause=outcome.cause, rounds=outcome.rounds)
    built, released = outcome
    if isinstance(released, Rejected):
        text = (
            f"{request.project} passed its tests but did not go online: {released.reason}. What served before still serves."
            f"\n{released.evidence[-EVIDENCE_LIMIT:]}"
        )
        return Delivered(run=request.run, state="failed", message=text, cause="unfit", rounds=built.rounds)
    if isinstance(released, Overtaken):
        return describe_overtaken(request.run, released, built.rounds)
    if isinstance(released, Previewed):
        return describe_previewed(request, built, released)
    text = f"{request.brief.title} is online: {released.address}{all_the_same(request.project, built)}"
    return Delivered(
        run=request.run,
        state="delivered",
        message=text,
        address=released.address,
        rounds=built.rounds,
        release=released.release.number,
    )


def describe_previewed(request: DeliveryRequest, built: Accepted, previewed: Previewed) -> Delivered:
    """Say where the change can be looked at, until when, and the one step that puts it online."""
    shown = previewed.preview
    text = (
        f"{request.brief.title} can be looked at as preview {shown.number}: {shown.address} "
        f"until {shown.expires:%Y-%m-%d %H:%M} UTC. What serves is as it was. "
        f"Put it online: `slipway preview confirm {request.project} {shown.number}`"
        f"{all_the_same(request.project, built)}"
    )
    return Delivered(run=request.run, state="delivered", message=text, rounds=built.rounds, preview=shown.number)


def describe_overtaken(run: str, overtaken: Overtaken, rounds: int = 0) -> Delivered:
    """Say what became of a release that served before its run could say so."""
    taken_back = overtaken.release.state is ReleaseState.ROLLED_BACK
    return Delivered(
        run=run,
        state="failed" if taken_back else "delivered",
        message=f"{overtaken.release.project}: {overtaken.reason}.",
        cause="unfit" if taken_back else "",
        address="" if taken_back else overtaken.address,
        rounds=rounds,
        release=overtaken.release.number,
    )


def describe_release(request: ReleaseRequest, outcome: Released | Rejected | Overtaken | Escalated) -> Delivered:
    """Say in one message how a release of what was accepted before ended."""
    match outcome:
        case Released():
            number, address = outcome.release.number, outcome.address
            text = f"{request.project} is online as release {number} ({request.request}): {address}"
            return Delivered(run=request.run, state="delivered", message=text, address=address, release=number)
        case Overtaken():
            return describe_overtaken(request.run, outcome)
        case Rejected() | Escalated():
            evidence = f"\n{outcome.evidence[-EVIDENCE_LIMIT:]}" if outcome.evidence else ""
            kept = "What served before still serves."
            text = f"{request.project} was not released again ({request.request}): {outcome.reason}. {kept}{evidence}"
            cause = "unfit" if isinstance(outcome, Rejected) else outcome.cause
            return Delivered(run=request.run, state="failed", message=text, cause=cause)
