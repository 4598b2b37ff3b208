"""A conversation with tools of ours that a CLI agent leads, in a worker that reaches nothing but the gateway.

The transcript stays the whole state, as with our own loop: each call of a tool stands in it, and whenever the CLI begins, it is
told all of it. So a killed turn, a CLI that died and a change of the engine go on from the same, and nothing is done twice.
True afterwards: the door is shut and the worker is gone. Blocks: engine, wakeups, doors.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import BaseModel

from domain.cli_agents import LAUNCHES, Arrangement, CliAgent
from domain.conversations import Finished, GaveUp, ToolUse
from domain.errors import Broken, BudgetSpent, CliDied
from domain.protocols import Wakeups
from domain.told_history import history
from domain.tool_doors import ToolDoors
from domain.workers import Worker, WorkerSpawner, WorkerSpec
from tasks.brief_talk import LIMITS, MARGIN, lease
from tasks.cli_agent import converse_by_cli
from tasks.conversation import Conversation
from tasks.recorded_tools import RecordedTools

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class CliDesk:
    """Where a CLI works that leads a conversation, and how it is offered our tools."""

    arrangement: Arrangement
    engine: WorkerSpawner
    wakeups: Wakeups
    doors: ToolDoors


async def led_by_cli(
    talk: Conversation[T], task: str, follow_up: str, *, door: str, agent: CliAgent, desk: CliDesk
) -> Finished[T] | GaveUp:
    """Lead the conversation to the end of its round; one that has ended returns its end again without a worker.

    `door` begins the names of the round's doors and workers. Raises as `tasks.agent.converse` does, and Broken for a CLI that
    cannot work.
    """
    await talk.take_up(task, follow_up)
    deaths = 0
    while (end := talk.ended()) is None:
        if talk.transcript.owes_results:
            await talk.answer()
        elif (end := talk.limit_reached()) is not None:
            return end
        else:
            try:
                await talk.hear()
                await talk.shorten()
                given_up = await _led(talk, _spec(talk, f"{door}-{uuid4().hex[:6]}", agent), agent, desk)
            except BudgetSpent as spent:
                return talk.give_up("out of budget", str(spent))
            except CliDied as died:
                deaths, given_up = deaths + 1, None
                if deaths >= LAUNCHES:
                    raise Broken(f"{died}, {deaths} times") from died
            if given_up is not None:
                return given_up
    return end


async def _led(talk: Conversation[T], spec: WorkerSpec, agent: CliAgent, desk: CliDesk) -> GaveUp | None:
    """Let the CLI lead until it hands in: then that is the transcript's last message. Return how it ended without a result."""
    tools = RecordedTools(talk)
    async with desk.doors.opened(spec.door, tools), _worker(spec, desk, talk.role.limits.seconds + MARGIN) as worker:
        end = await _while_tools_work(
            tools,
            asyncio.ensure_future(
                converse_by_cli(
                    talk.role, history(talk.messages), agent=agent, facts=talk.facts, worker=worker, clock=time.monotonic,
                    fallback=talk.model.fallback_model, served=[each.name for each in tools.specs],
                )
            ),
        )  # fmt: skip
    if isinstance(end, GaveUp):
        return end
    if talk.transcript.owes_results:  # a call that was cut off with the CLI's end
        await talk.answer()
    handed_in = ToolUse(id=f"cli_{uuid4().hex[:24]}", name=talk.role.hand_in, input=end.value.model_dump(mode="json"))
    await talk.transcript.append("assistant", (handed_in,), "tool_use")
    return None


async def _while_tools_work(tools: RecordedTools, leading: asyncio.Future[Finished[T] | GaveUp]) -> Finished[T] | GaveUp:
    """Return how the CLI ended; raise what a tool raised, as soon as it did."""
    watched: list[asyncio.Future[Any]] = [leading, tools.failed]
    try:
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        if tools.failed.done():
            tools.failed.result()
        return leading.result()
    finally:
        for each in watched:
            each.cancel()
        await asyncio.gather(*watched, return_exceptions=True)


def _spec(talk: Conversation[Any], door: str, agent: CliAgent) -> WorkerSpec:
    return WorkerSpec(
        identity=door,
        project=talk.facts.project,
        run=talk.facts.run,
        role=talk.role.name,
        network="packages",
        limits=LIMITS,
        program=agent.program,
        gateway_role=talk.role.name,
        door=door,
    )


@asynccontextmanager
async def _worker(spec: WorkerSpec, desk: CliDesk, seconds: float) -> AsyncIterator[Worker]:
    """Yield a new worker; those that killed processes left for this session go first. The lease is for the janitor's eyes."""
    await desk.wakeups.lock(lease(spec.run), spec.run, seconds)
    try:
        for left in await desk.engine.workers(spec.run):
            await desk.engine.remove_worker(left.identity)
        yield await desk.engine.spawn(spec)
    finally:
        await desk.engine.remove_worker(spec.identity)
        await desk.wakeups.unlock(lease(spec.run), spec.run)
