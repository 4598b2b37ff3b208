"""health_watch: probes inside of one run until the next run takes over; routes and databases follow the registry."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from domain.errors import SlipwayError, TryAgain
from domain.protocols import Wakeups
from flows.opening import Blocks, open_blocks
from tasks.exclusive import bring_back_forgotten
from tasks.reconciler import reconcile_routes
from tasks.resources import revive_resources
from tasks.traffic import TrafficReader
from tasks.watch import Watch
from tasks.watch_events import Probe, emit_alive

RELIEF = "slipway:watch"
"""Channel on which a run says that it has begun: the one before it ends then, so that at no moment nobody looks."""


@flow(name="health_watch", flow_run_name="watch the live releases")
async def health_watch(seconds: float | None = None) -> int:
    """Look at every live release again and again until a newer run does, `seconds` at most; return how many looks were bad."""
    blocks = await open_blocks()
    place = blocks.installation
    watch = Watch(
        blocks.registry,
        blocks.engine,
        blocks.git,
        blocks.vault,
        threshold=place.unhealthy_threshold,
        traffic=TrafficReader(place.access_log).look,
        beginning_seconds=place.health_seconds,
    )
    ends = time.monotonic() + (seconds if seconds is not None else place.watch_seconds)
    bad_looks, is_alive = 0, False
    async with (
        relieved(blocks.wakeups, str(flow_run.id)) as relief,
        beside(mend_resources(blocks)),
        beside(bring_back(blocks)),
    ):
        while not relief.is_set() and time.monotonic() < ends:
            started = time.monotonic()
            mending = asyncio.create_task(mend_routes(blocks))
            if (probes := await look(watch)) is not None:
                bad_looks += sum(bool(probe.complaint) for probe in probes)
                if not is_alive:
                    emit_alive()
                is_alive = True
            await mending
            await pause(relief, max(0.0, place.watch_interval - (time.monotonic() - started)))
    return bad_looks


async def pause(relief: asyncio.Event, seconds: float) -> None:
    """Return after `seconds`, or when there is relief.

    Not by `asyncio.wait_for`: that of Python 3.11 loses a cancellation that comes with the relief, and the run would go on.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await relief.wait()


async def look(watch: Watch) -> Sequence[Probe] | None:
    """Look once; None when engine or registry are away for now: the next look asks again."""
    try:
        return await watch.look()
    except TryAgain:
        return None


async def mend_routes(blocks: Blocks) -> None:
    """Bring Caddy's routes in line; a Caddy that is away for now keeps nobody from looking at the apps."""
    with suppress(SlipwayError):
        await reconcile_routes(blocks.registry, blocks.engine, blocks.proxy, blocks.wakeups, blocks.installation.own_routes)


async def mend_resources(blocks: Blocks) -> None:
    """Start the databases that do not run; an engine that is away for now keeps nobody from looking at the apps."""
    with suppress(SlipwayError):
        await revive_resources(blocks.registry, blocks.vault, blocks.engine.resources)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let it be done meanwhile; what is not done at the end is left to the next run."""
    doing = asyncio.create_task(work)
    try:
        yield
    finally:
        doing.cancel()
        with suppress(asyncio.CancelledError):
            await doing


async def bring_back(blocks: Blocks) -> None:
    """Again and again, bring back what rests for a deploy that never came back; waiting for its health delays no look."""
    place = blocks.installation
    while True:
        with suppress(SlipwayError):  # a registry that is away: the next time
            await bring_back_forgotten(
                place.health_seconds,
                blocks.registry,
                blocks.engine,
                blocks.vault,
                blocks.git,
                blocks.proxy,
                blocks.wakeups,
            )
        await asyncio.sleep(place.watch_interval)


@asynccontextmanager
async def relieved(wakeups: Wakeups, me: str) -> AsyncIterator[asyncio.Event]:
    """Say that this run watches now, and yield an event that is set when a newer one says so."""
    relief = asyncio.Event()

    async def listen() -> None:
        async with wakeups.subscribe(RELIEF) as messages:
            await wakeups.publish(RELIEF, me)
            async for _, other in messages:
                if other != me:
                    relief.set()

    listening = asyncio.create_task(listen())
    try:
        yield relief
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError, SlipwayError):  # a lost hint: the run ends at its time
            await listening
