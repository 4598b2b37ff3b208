"""A run's progress as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Each line of progress is one event with its sequence number as id; a caller that was cut off says which it had last, and misses
none. A stream ends after some minutes, and the caller comes again: with its key, which may count no more by then.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from deployments.api.access import House, Owned, TheHouse, TheRun
from deployments.api.problems import Refusal
from deployments.api.runs import short
from deployments.api.shapes import ProgressShown
from deployments.live import follow
from domain.runs import Run

router = APIRouter(prefix="/v1/runs", tags=["runs"])

STREAMS = 200
"""At once; each reads the registry once a second at the least."""
OF_ONE = 20
"""Streams of one owner: nobody can have them all."""
LASTS = 300.0
"""Seconds of one stream."""
SILENCE = 15.0
"""Seconds after which a comment is sent: proxies cut what says nothing."""

Had = Annotated[
    str, Header(alias="Last-Event-ID", pattern=r"^[0-9]{0,9}$", description="Id of the last event that you have; empty: none.")
]


@router.get("/{run}/events", response_class=StreamingResponse, responses={204: {"description": "Nothing more comes"}})
async def follow_run(house: TheHouse, theirs: Owned, run: TheRun, had: Had = "") -> Response:
    """Follow a run: an event for each line of progress as it comes, and `ended` at its end."""
    after, owner = int(had or 0), theirs.caller.owner
    if had and run.state.ended and not await house.registry.progress(run.id, after):
        return Response(status_code=204)  # by this a browser comes no more
    if len(house.streams) >= STREAMS or house.streams.count(owner) >= OF_ONE:
        raise Refusal(503, "too many runs are being followed: ask again in a moment", {"Retry-After": "10"})
    house.streams.append(owner)  # before anything is awaited: who comes at the same moment is counted
    return _Stream(house, owner, _events(house, run, after))


class _Stream(StreamingResponse):
    """A stream that is counted as one until it has ended, whether or not anything of it was sent."""

    def __init__(self, house: House, owner: str, events: AsyncIterator[str]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, headers=headers, media_type="text/event-stream")
        self._house = house
        self._owner = owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(LASTS + SILENCE):  # also for a reader that never reads
                await super().__call__(scope, receive, send)
        except TimeoutError:
            return
        finally:
            self._house.streams.remove(self._owner)


async def _events(house: House, run: Run, after: int) -> AsyncIterator[str]:
    ends, said = time.monotonic() + LASTS, time.monotonic()
    desk, over = house.desk, lambda now: now.state.ended or time.monotonic() > ends
    followed = follow(run.id, desk.registry, desk.wakeups, over, after)
    async with aclosing(followed):
        async for now, lines in followed:
            for line in (line for line in lines if line.sequence > after):
                after, said = line.sequence, time.monotonic()
                yield event(line.kind, ProgressShown.model_validate(line.model_dump()).model_dump_json(), after)
            if now.state.ended:
                yield event("ended", short(now).model_dump_json(), after)
            elif time.monotonic() - said > SILENCE:
                said = time.monotonic()
                yield ": it goes on\n\n"


def event(kind: str, data: str, id: int) -> str:
    """Return one event; JSON has no line breaks of its own."""
    return f"id: {id}\nevent: {kind}\ndata: {data}\n\n"
