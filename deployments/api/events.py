"""A run's progress as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Each line of progress is one event with its sequence number as id; a caller that was cut off says which it had last, and misses
none. A stream ends after some minutes, and the caller comes again: with its key, which may count no more by then.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from deployments.api.access import Owned, TheHouse, TheRun
from deployments.api.broadcasts import SILENCE
from deployments.live import follow

router = APIRouter(prefix="/v1/runs", tags=["runs"])

LASTS = 300.0
"""Seconds of one stream."""

Had = Annotated[
    str, Header(alias="Last-Event-ID", pattern=r"^[0-9]{0,9}$", description="Id of the last event that you have; empty: none.")
]


@router.get("/{run}/events", response_class=StreamingResponse, responses={204: {"description": "Nothing more comes"}})
async def follow_run(house: TheHouse, theirs: Owned, run: TheRun, had: Had = "") -> Response:
    """Follow a run: an event for each line of progress as it comes, `waits` when it asks its person, `ended` at its end."""
    after = int(had or 0)
    if had and run.state.ended and not await house.registry.progress(run.id, after):
        return Response(status_code=204)  # by this a browser comes no more
    desk, listening = house.desk, ExitStack()
    followed = lambda: follow(run.id, desk.registry, desk.wakeups, lambda now: now.state.ended)  # noqa: E731
    # Before anything is awaited: streams that come at the same moment are all counted.
    broadcast = listening.enter_context(house.broadcasts.followed(run.id, theirs.caller.owner, followed))
    return _Stream(listening, broadcast.events(after, time.monotonic() + LASTS))


class _Stream(StreamingResponse):
    """A stream that is counted as one until it has ended, whether or not anything of it was sent."""

    def __init__(self, listening: ExitStack, events: AsyncIterator[str]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, headers=headers, media_type="text/event-stream")
        self._listening = listening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._listening:
            try:
                async with asyncio.timeout(LASTS + SILENCE):  # also for a reader that never reads
                    await super().__call__(scope, receive, send)
            except TimeoutError:
                return
