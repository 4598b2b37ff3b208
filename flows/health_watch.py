"""health_watch: stays for its interval, probes inside it, and keeps the routes in step with the registry."""

import asyncio
import time

from prefect import flow

from flows.opening import open_blocks
from tasks.reconciler import reconcile_routes
from tasks.watch import Watch, emit_alive


@flow(name="health_watch", flow_run_name="watch the live releases")
async def health_watch(seconds: float | None = None) -> int:
    """Look at every live release again and again until `seconds` have passed; return how many looks found one unwell."""
    blocks = await open_blocks()
    place = blocks.installation
    watch = Watch(blocks.registry, blocks.engine, blocks.git, blocks.vault)
    ends = time.monotonic() + (seconds if seconds is not None else place.watch_seconds)
    unwell = 0
    emit_alive()
    while True:
        started = time.monotonic()
        await reconcile_routes(blocks.registry, blocks.engine, blocks.proxy, blocks.wakeups)
        unwell += sum(bool(probe.complaint) for probe in await watch.look())
        wait = place.watch_interval - (time.monotonic() - started)
        if time.monotonic() + max(wait, 0) >= ends:
            return unwell
        await asyncio.sleep(max(wait, 0))
