"""Wait until a running copy is healthy, or until it is clear that it never will be. Nothing is changed.

Uses the engine (status and logs) and one GET a moment to the copy's own address.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx

from blocks.plain_http import plain_client
from domain.health import HealthCheck, Healthy, KeepWaiting, Probe, Unhealthy, decide
from domain.trimming import tail
from domain.workers import AppRunner, AppState, AppStatus

__all__ = ["Healthy", "Unhealthy", "probe_once", "wait_healthy"]

POLL = 0.1
LOG_LINES = 60
LOG_LIMIT = 4_000
BODY_LIMIT = 64 * 1024


async def wait_healthy(
    engine: AppRunner,
    identity: str,
    check: HealthCheck,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Healthy | Unhealthy:
    """Ask until the health path answers 200, the copy ended for good, or `seconds` have passed."""
    started = clock()
    async with plain_client() as client:
        while True:
            status = await engine.status(identity)
            left = seconds - (clock() - started)
            probe = await probe_once(client, status, check, min(check.timeout, max(left, POLL)))
            decision = decide(status, probe, check, elapsed=clock() - started, seconds=seconds)
            if isinstance(decision, Unhealthy):
                return decision.model_copy(update={"log": tail(await engine.logs(identity, LOG_LINES), LOG_LIMIT)})
            if not isinstance(decision, KeepWaiting):
                return decision
            await sleep(POLL)


async def probe_once(client: httpx.AsyncClient, status: AppStatus, check: HealthCheck, seconds: float) -> Probe | None:
    """Ask once, None when it has no address; an app that is slow or not there yet is a probe without a status, not an error."""
    if status.state is not AppState.RUNNING or not status.address:
        return None
    try:
        async with asyncio.timeout(seconds), client.stream("GET", f"http://{status.address}{check.path}") as response:
            return Probe(status=response.status_code, body=await _start_of_body(response))
    except TimeoutError:
        return Probe(error=f"no answer within {seconds:g} s")
    except httpx.HTTPError as error:
        return Probe(error=str(error) or type(error).__name__)


async def _start_of_body(response: httpx.Response) -> str:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= BODY_LIMIT:
            break
    return body[:BODY_LIMIT].decode("utf-8", "replace")
