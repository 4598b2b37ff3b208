"""Lead the Product Owner's conversation, by our own loop or by a CLI in a worker that has nothing but the gateway.

True afterwards: that worker is gone. While it works it holds a lease on its run, which is written down nowhere yet: so the
janitor knows that somebody is behind it. Blocks: engine, model, registry, wakeups.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.briefs import Brief
from domain.cli_agents import Arrangement, CliAgent
from domain.conversations import Finished, GaveUp, ModelClient, Part, Text
from domain.errors import LockTaken
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.roles import CallFacts, Role
from domain.workers import Limits, WorkerSpawner, WorkerSpec
from tasks.agent import converse
from tasks.cli import cli_agent
from tasks.cli_agent import converse_by_cli

LIMITS = Limits(memory_mb=1024, cpus=1.0, pids=128, disk_mb=128)
MARGIN = 120.0
"""Seconds that a lease lasts beyond the conversation's own limit: the worker must be made and taken away."""


@dataclass(frozen=True)
class Desk:
    """Where the Product Owner works when it is a CLI."""

    arrangement: Arrangement
    engine: WorkerSpawner
    wakeups: Wakeups


async def brief_from(
    role: Role[Brief],
    task: Sequence[Part],
    *,
    facts: CallFacts,
    accept: Callable[[Brief], Sequence[str]],
    model: ModelClient,
    registry: Registry,
    desk: Desk | None,
    follow_up: str | None = None,
) -> Finished[Brief] | GaveUp:
    """Return how the conversation ended; without a desk it is our own loop's."""
    agent = cli_agent(desk.arrangement.engine) if desk else None
    if desk is not None and agent is not None:
        text = "\n\n".join(part.text for part in task if isinstance(part, Text))  # it has no way to be shown a picture
        return await _by_cli(role, text, follow_up, agent, facts, accept, model.fallback_model, desk)
    return await converse(
        role,
        task,
        facts=facts,
        model=model,
        tools=None,
        transcripts=registry,
        ledger=registry,
        clock=time.monotonic,
        follow_up=follow_up,
        accept=accept,
    )


async def _by_cli(
    role: Role[Brief],
    task: str,
    follow_up: str | None,
    agent: CliAgent,
    facts: CallFacts,
    accept: Callable[[Brief], Sequence[str]],
    fallback: str | None,
    desk: Desk,
) -> Finished[Brief] | GaveUp:
    spec = WorkerSpec(
        identity=f"{facts.run}-product-owner",
        project=facts.project,
        run=facts.run,
        role=role.name,
        network="packages",
        limits=LIMITS,
        program=agent.program,
        gateway_role=role.name,
    )
    if await desk.wakeups.lock(lease(facts.run), spec.identity, role.limits.seconds + MARGIN) is None:
        raise LockTaken(lease(facts.run), "another process")
    try:
        worker = await desk.engine.spawn(spec)
        return await converse_by_cli(
            role, task, agent=agent, facts=facts, worker=worker, clock=time.monotonic, fallback=fallback, follow_up=follow_up,
            accept=accept,
        )  # fmt: skip
    finally:
        await desk.engine.remove_worker(spec.identity)
        await desk.wakeups.unlock(lease(facts.run), spec.identity)


def lease(run: str) -> str:
    """Return the lock that is held while a Brief is being written for a run."""
    return f"brief:{run}"
