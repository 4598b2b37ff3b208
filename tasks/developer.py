"""Developer: a conversation that writes code in a worker, committed on our side after each round.

True afterwards: the round's work is a commit on the branch `run/<run>`; main did not move until `accept_commit`.
Blocks: engine, git host, model, registry, wakeups. The transcript is stored after each step: a killed round goes on from
its last step, in the worker that is still there, or in a new one in which the recorded tool calls are done again.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.archives import pack, unpack
from blocks.egress_receipts import EgressReceipts
from domain.briefs import as_markdown as brief_markdown
from domain.conversations import Finished, ModelClient
from domain.outcomes import Abandoned, Developed, Handover
from domain.patches import locked_files
from domain.plans import Plan
from domain.plans import as_markdown as plan_markdown
from domain.protocols import GitHost, Registry, Wakeups
from domain.receipts import as_markdown as receipt_markdown
from domain.roles import CallFacts, Role, RoleLimits, Step
from domain.runs import DeliveryRequest
from domain.workers import Command, Engine, Limits, Worker, WorkerSpawner, WorkerSpec
from tasks.agent import converse, replay_tools
from tasks.agent_tools import Toolbox
from tasks.artifacts import Meter, patch_markdown, publish
from tasks.identity import once_per
from tasks.kinds import kind_named
from tasks.preparer import AUTHOR
from tasks.progress import Journal
from tasks.prompts import prompt
from tasks.retrying import only_try_again

FILES_LIMIT = 20_000
LIMITS = Limits(memory_mb=3072, cpus=2.0, pids=512, disk_mb=1024)


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
) -> Developed | Abandoned:
    """Let the developer work one round; `feedback` is the tester's report of the round before."""
    journal = Journal(request.run, registry, wakeups)
    conversation = f"{request.run}/developer"
    worker = await ready_worker(request, base, conversation, git, engine, registry)
    role = developer_role(model_name, worker.workspace, request.brief.kind)
    meter = await Meter.begin(f"developer-{number}", request.run, role.limits.steps, f"Round {number} has begun")
    end = await converse(
        role,
        task_text(request, plan),
        facts=CallFacts(project=request.project, run=request.run, conversation=conversation),
        model=model,
        tools=Toolbox(worker),
        transcripts=registry,
        ledger=registry,
        clock=time.monotonic,
        follow_up=follow_up(number, feedback),
        on_step=lambda step: tell_step(journal, meter, number, step),
    )
    if not isinstance(end, Finished):
        await meter.end(f"Round {number} stopped: {end.reason}")
        return Abandoned(reason=end.reason, detail=end.detail)
    await meter.end(f"Round {number} is done")
    return await commit_work(request, number, base, end.value.summary, worker, git)


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
    checks = "\n".join(check.model_dump_json() for check in plan.checks)
    return (
        f"{work}.\n\n{brief_markdown(request.brief)}\n\n{plan_markdown(plan)}\n\n"
        f"## The acceptance checks, as they will be run\n{checks}\n\n"
        f"## The person's words\n<request>\n{request.request}\n</request>"
    )


async def ready_worker(
    request: DeliveryRequest, base: str, conversation: str, git: GitHost, engine: WorkerSpawner, registry: Registry
) -> Worker:
    """Return the run's worker with the repository in it; a new one is brought to where the transcript is."""
    spec = WorkerSpec(
        identity=f"{request.run}-developer",
        project=request.project,
        run=request.run,
        role="developer",
        network="packages",
        limits=LIMITS,
    )
    worker = await engine.spawn(spec)
    if (await worker.run(Command(argv=("test", "-d", ".git"), seconds=20))).ok:
        return worker
    with tempfile.TemporaryDirectory(prefix="slipway-develop-") as folder:
        root = Path(folder) / "clone"
        root.mkdir()
        await git.checkout(request.project, base, root)
        await worker.put(await asyncio.to_thread(pack, root))
    await replay_tools(await registry.load(conversation), Toolbox(worker))
    return worker


async def commit_work(
    request: DeliveryRequest, number: int, base: str, summary: str, worker: Worker, git: GitHost
) -> Developed:
    """Take the workspace out through the checked archive and commit it onto the run's branch."""
    branch = f"run/{request.run}"
    parent = await git.head(request.project, branch) or base
    with tempfile.TemporaryDirectory(prefix="slipway-commit-") as folder:
        root = Path(folder) / "tree"
        root.mkdir()
        await asyncio.to_thread(unpack, await worker.get(), root, LIMITS.disk_mb * 2**20, FILES_LIMIT)
        message = f"{first_line(summary)}\n\nRound {number} of {request.run}"
        commit = await git.commit_tree(request.project, root, branch=branch, parent=parent, message=message, author=AUTHOR)
    patch = await git.patch(request.project, base, commit.sha)
    await publish(f"diff-{number}", request.run, patch_markdown(patch), f"What round {number} changed")
    return Developed(commit=commit.sha, summary=summary, locked=locked_files(patch))


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
    """Remove every worker of the run; with the data folder `home`, show what the egress proxy wrote down there about them."""
    for worker in await engine.workers(run):
        await engine.remove_worker(worker.identity)
    if home is not None and engine.isolates:
        passages = await EgressReceipts(Path(home)).of_run(run)
        await publish("egress", run, receipt_markdown(passages), "What the run's workers reached, and were refused")


def follow_up(number: int, feedback: str | None) -> str | None:
    return None if feedback is None else f"The Tester's report of round {number - 1}:\n\n{feedback}"


def first_line(text: str) -> str:
    return text.strip().splitlines()[0][:72]


async def tell_step(journal: Journal, meter: Meter, number: int, step: Step) -> None:
    """Write what the agent just did, and stop when its person has stopped the run."""
    await journal.stand()
    did = ", ".join(step.calls) or "thought"
    await meter.advance(f"Round {number}, last step: {did}")
    await journal.write("log", f"{did}: {step.said}" if step.said else did, "develop", {"micro_usd": step.micro_usd or 0})
