"""Broadcasts: a run that is followed is read once, however many follow it."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager

from deployments.api.problems import Refusal
from deployments.api.shapes import ProgressShown, short
from domain.runs import Progress, Run, RunState

SILENCE = 15.0
"""Seconds after which a comment is sent: proxies cut what says nothing."""

Followed = AsyncGenerator[tuple[Run, list[Progress]], None]


class Broadcast:
    """What one run says, as events; each who follows it is somewhere in them, and waits for nobody else."""

    def __init__(self, followed: Followed) -> None:
        self.listeners = 0
        self._said: list[str] = []
        self._news = asyncio.Event()
        self._asks: Run | None = None
        """The run while it waits for its person."""
        self._asked = 0
        """How often it was found to ask something: of two questions a reader may see no moment between them."""
        self._reading = asyncio.create_task(self._read(followed))

    @property
    def is_over(self) -> bool:
        return self._reading.done()

    async def events(self, after: int, ends: float) -> AsyncIterator[str]:
        """Yield the events behind number `after` until that moment, or `ended`; raise what ended the reading."""
        told = 0
        while (now := time.monotonic()) < ends:
            news, is_over = self._news, self.is_over
            for said in self._said[after:]:
                after += 1
                yield said
            if self._asks and told != self._asked:
                told = self._asked
                yield event("waits", short(self._asks).model_dump_json(), after)
            if is_over:
                yield event("ended", short(self._reading.result()).model_dump_json(), after)
                return
            try:
                async with asyncio.timeout(min(SILENCE, ends - now)):
                    await news.wait()
            except TimeoutError:
                yield ": it goes on\n\n"

    def stop(self) -> None:
        self._reading.cancel()

    async def _read(self, followed: Followed) -> Run:
        """Read to the end of the run, and return it so."""
        try:
            async with aclosing(followed):
                async for last, lines in followed:
                    before, self._asks = self._asks, last if last.state is RunState.WAITING else None
                    asks_anew = self._asks is not None and (before is None or before.message != self._asks.message)
                    self._asked += asks_anew
                    if new := lines[len(self._said) :]:
                        self._said += (event(line.kind, shown(line), line.sequence) for line in new)
                    if new or asks_anew:
                        self._tell()
            return last
        finally:
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Broadcasts:
    """All broadcasts that go on, and the streams by which they are followed."""

    def __init__(self, most: int = 1000) -> None:
        self.streams: list[str] = []
        """Owners of the keys by which streams go on, each as often as they have one."""
        self.most = most
        self._going: dict[str, Broadcast] = {}

    @contextmanager
    def followed(self, run: str, owner: str, follow: Callable[[], Followed]) -> Iterator[Broadcast]:
        """Follow the run, as one stream of this owner; raise Refusal when there are too many, half of all for one."""
        if len(self.streams) >= self.most or self.streams.count(owner) >= self.most / 2:
            raise Refusal(503, "too many runs are being followed: ask again in a moment", {"Retry-After": "10"})
        broadcast = self._going.get(run)
        if broadcast is None or broadcast.is_over:  # one that failed may still have listeners who never read on
            broadcast = self._going[run] = Broadcast(follow())
        broadcast.listeners += 1
        self.streams.append(owner)
        try:
            yield broadcast
        finally:
            self.streams.remove(owner)
            broadcast.listeners -= 1
            if not broadcast.listeners:
                broadcast.stop()
                if self._going.get(run) is broadcast:
                    del self._going[run]


def shown(line: Progress) -> str:
    return ProgressShown.model_validate(line.model_dump()).model_dump_json()


def event(kind: str, data: str, id: int) -> str:
    """Return one event; JSON has no line breaks of its own."""
    return f"id: {id}\nevent: {kind}\ndata: {data}\n\n"
