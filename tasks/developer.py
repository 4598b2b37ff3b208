"""Developer: a conversation that writes code in a worker, by our loop or by a CLI, committed on our side after each round.

True afterwards: the round's work is a commit on the branch `run/<run>`; main did not move until `accept_commit`.
Blocks: engine, git host, model, registry, wakeups. The transcript is stored after each step: a killed round goes on from
its last step, in the worker that is still there, or in a new one in which the recorded tool calls are done again.
"""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.egress_receipts import CredentialReceipts, receipt_of
from domain.attachments import Attachments, where_they_lie
from domain.briefs import as_markdown as brief_markdown
from domain.cli_agents import Arrangement, CliAgent
from domain.conversations import Finished, GaveUp, ModelClient
from domain.engines import Engine
from domain.outcomes import Abandoned, Developed, Handover
from domain.plans import Plan, as_shown
from domain.plans import as_markdown as plan_markdown
from domain.protocols import GitHost, Wakeups
from domain.receipts import as_markdown as receipt_markdown
from domain.registry import Registry
from domain.roles import CallFacts, Role, RoleLimits, Step
from domain.runs import DeliveryRequest
from domain.workers import Worker, WorkerSpawner
from tasks.agent import converse
from tasks.agent_tools import Toolbox
from tasks.artifacts import Meter, publish
from tasks.cli import cli_agent
from tasks.cli_agent import converse_by_cli
from tasks.identity import once_per
from tasks.kinds import kind_named
from tasks.own_repository import own_repository, repository_text
from tasks.progress import Journal
from tasks.prompts import prompt
from tasks.retrying import only_try_again
from tasks.round_commit import commit_work
from tasks.workplace import REPORT, conversation_name, put_report, ready_worker

RALPH = (
    "\n\n## What the repository holds\nOthers may have worked on this before you; nobody remembers it but the files. See what "
    f"is there and what the tests say, then do what is missing. What the last test said is in {REPORT}."
)


@task(
    task_run_name="develop {request.project} round {number}",
    persist_result=True,
    cache_key_fn=once_per("request.run", "number"),
    retries=5,
    retry_delay_seconds=[2, 5, 15, 30, 60],
    retry_condition_fn=only_try_again,
)
async def develop(
    request: DeliveryRequest,
    number: int,
    base: str,
    plan: Plan,
    feedback: str | None,
    model_name: str,
    git: GitHost,
    engine: Engine,
    model: ModelClient,
    registry: Registry,
    wakeups: Wakeups,
    guidance: str = "",
    arrangement: Arrangement = Arrangement(),  # noqa: B008  (frozen)
    files: Attachments | None = None,
) -> Developed | Abandoned:
    """Let the developer work one round, by the engine that the arrangement names.

    `feedback` is the tester's report of the round before, `guidance` what the person said to what stopped the work.
    """
    journal = Journal(request.run, registry, wakeups)
    agent = cli_agent(arrangement.engine)
    repository = await own_repository(request, number, arrangement, registry, journal)
    worker = await ready_worker(request, number, base, arrangement, agent, git, engine, registry, repository, files)
    told = follow_up(number, feedback, guidance)
    if arrangement.ralph:
        await put_report(worker, told)
    role = developer_role(model_name, worker.workspace, request.brief.kind)
    meter = await Meter.begin(f"developer-{number}", request.run, role.limits.steps, f"Round {number} has begun")
    conversation = conversation_name(request.run, number, arrangement)
    end = await led(
        role,
        task_text(request, plan) + repository_text(arrangement, repository) + (RALPH if arrangement.ralph else ""),
        number,
        None if arrangement.ralph else told,
        CallFacts(project=request.project, run=request.run, conversation=conversation),
        agent,
        worker,
        model,
        registry,
        lambda step: tell_step(journal, meter, number, step),
    )
    if not isinstance(end, Finished):
        await meter.end(f"Round {number} stopped: {end.reason}")
        return Abandoned(reason=end.reason, detail=end.detail)
    await meter.end(f"Round {number} is done")
    return await commit_work(request, number, base, end.value, worker, git, plan)


async def led(
    role: Role[Handover],
    task: str,
    number: int,
    told: str | None,
    facts: CallFacts,
    agent: CliAgent | None,
    worker: Worker,
    model: ModelClient,
    registry: Registry,
    on_step: Callable[[Step], Awaitable[None]],
) -> Finished[Handover] | GaveUp:
    """Lead the round's conversation by our own loop, or by a CLI in the worker."""
    if agent is not None:
        return await converse_by_cli(
            role,
            task,
            agent=agent,
            facts=facts,
            worker=worker,
            clock=time.monotonic,
            fallback=model.fallback_model,
            key=str(number),
            follow_up=told,
            remarks=registry,
            on_step=on_step,
        )
    return await converse(
        role,
        task,
        facts=facts,
        model=model,
        tools=Toolbox(worker),
        transcripts=registry,
        ledger=registry,
        clock=time.monotonic,
        remarks=registry,
        follow_up=told,
        on_step=on_step,
    )


def developer_role(model_name: str, workspace: str, kind: str) -> Role[Handover]:
    text = prompt("developer").replace("{workspace}", workspace).replace("{guide}", kind_named(kind).guide.strip())
    return Role[Handover](
        name="developer",
        system=text,
        model=model_name,
        output=Handover,
        hand_in="finish",
        hand_in_description="Say that the work is done and tested. The workspace is committed and goes to the Tester.",
        tools=("bash", "str_replace_based_edit_tool"),
        may_give_up=True,
        limits=RoleLimits(steps=80, seconds=2400.0, max_tokens=16_000),
    )


def task_text(request: DeliveryRequest, plan: Plan) -> str:
    """Return the first message: what to build, and how it will be judged."""
    work = "Change the existing project" if request.change else "Build the new project"
    shown = as_shown(plan)
    checks = "\n".join(check.model_dump_json() for check in shown.checks)
    return (
        f"{work}.\n\n{brief_markdown(request.brief)}\n\n{plan_markdown(shown)}\n\n"
        f"## The acceptance checks, as they will be run; others, with other values, stay unknown to you\n{checks}\n\n"
        f"## The person's words\n<request>\n{request.request}\n</request>"
        f"{where_they_lie(request.attachments)}"
    )


@task(
    task_run_name="accept commit {commit:.10}",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 3, 9],
    retry_condition_fn=only_try_again,
)
async def accept_commit(run: str, project: str, commit: str, git: GitHost) -> None:  # noqa: ARG001 - `run` names the task's owner in the UI
    """Move main to the accepted commit."""
    await git.advance(project, "main", commit)


@task(
    task_run_name="dismiss the workers of {run}",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def dismiss_developer(run: str, engine: WorkerSpawner, home: str | None = None) -> None:
    """Remove every worker of the run; with the data folder `home`, show what proxy and gateway wrote down of them."""
    for worker in await engine.workers(run):
        await engine.remove_worker(worker.identity)
    if home is None:
        return
    passages, answers = await receipt_of(Path(home), run), await CredentialReceipts(Path(home)).of_run(run)
    if engine.isolates or answers:
        await publish("egress", run, receipt_markdown(passages, answers), "What the run's workers reached, and were refused")


def follow_up(number: int, feedback: str | None, guidance: str = "") -> str | None:
    """Return the message that begins a later round; its number makes it one of its own."""
    parts = [f"Round {number}. The person answers to what stopped the work:\n\n{guidance}"] if guidance else []
    parts += [f"The Tester's report of round {number - 1}:\n\n{feedback}"] if feedback is not None else []
    return "\n\n".join(parts) or None


async def tell_step(journal: Journal, meter: Meter, number: int, step: Step) -> None:
    """Write what the agent just did, and stop when its person has stopped the run."""
    await journal.stand()
    did = ", ".join(step.calls) or "thought"
    await meter.advance(f"Round {number}, last step: {did}")
    await journal.write("log", f"{did}: {step.said}" if step.said else did, "develop", {"micro_usd": step.micro_usd or 0})
