"""A steady load: so many requests a second, whatever became of those before; every one is answered well, or it is lost.

An open loop of raw sockets. By turns over a connection that is kept and over a new one; one request in twenty takes 0.3 s,
one in ten is a POST, which no proxy may send twice.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

TIMEOUT = 10.0
BODY = b"a note of some thirty characters"


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent and answered by the wall clock, by which release, or how it was lost."""

    sent: float
    ended: float
    release: str = ""
    lost: str = ""


@dataclass(frozen=True)
class Target:
    """An app behind Caddy."""

    port: int
    host: str

    def request(self, method: str, path: str, *, keep: bool, body: bytes = b"") -> bytes:
        """Return the bytes of a request."""
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        how = "keep-alive" if keep else "close"
        return f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n{length}Connection: {how}\r\n\r\n".encode() + body


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def exchange(self, request: bytes) -> tuple[int, str]:
        """Return status and body of the answer."""
        self.writer.write(request)
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), None)
        body = await self.reader.read() if length is None else await self.reader.readexactly(length)
        return status, body.decode("utf-8", "replace")

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


class Load:
    """Sends `rate` requests a second until it is ended; `answers` holds them all, in the order in which they ended."""

    def __init__(self, target: Target, rate: float) -> None:
        self.target = target
        self.rate = rate
        self.answers: list[Answer] = []
        self._idle: list[Line] = []
        self._seen: list[Callable[[Answer], None]] = []

    @property
    def lost(self) -> Counter[str]:
        """Count the lost requests by how they were."""
        return Counter(answer.lost for answer in self.answers if answer.lost)

    async def first(self, wanted: Callable[[Answer], bool], seconds: float) -> Answer | None:
        """Wait for an answer like this; None when none comes."""
        found: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        look = lambda answer: found.set_result(answer) if wanted(answer) and not found.done() else None  # noqa: E731
        self._seen.append(look)
        try:
            return await asyncio.wait_for(found, seconds)
        except TimeoutError:
            return None
        finally:
            self._seen.remove(look)

    async def run(self) -> None:
        """Send until cancelled, then wait for what is on its way."""
        under_way, began, sent = set[asyncio.Task[None]](), time.monotonic(), 0
        try:
            while True:
                due = int((time.monotonic() - began) * self.rate)
                for number in range(sent, due):
                    task = asyncio.create_task(self._ask(number))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                sent = max(sent, due)
                await asyncio.sleep(1 / self.rate)
        finally:
            await asyncio.gather(*under_way)
            for line in self._idle:
                await line.close()

    async def _ask(self, number: int) -> None:
        method, path = ("POST", "/note") if number % 10 == 3 else ("GET", "/slow" if number % 20 == 6 else "/")
        answer = await self.ask(method, path, keep=number % 2 == 0)
        self.answers.append(answer)
        for look in [*self._seen]:
            look(answer)

    async def ask(self, method: str, path: str, *, keep: bool = False) -> Answer:
        """Send one request and return what became of it."""
        sent, line, release, lost = time.time(), None, "", ""
        try:
            async with asyncio.timeout(TIMEOUT):
                line = self._idle.pop() if keep and self._idle else Line(*await self._connect())
                status, text = await line.exchange(
                    self.target.request(method, path, keep=keep, body=BODY if method == "POST" else b"")
                )
            if status == 200:
                release = text
            else:
                lost = f"status {status}"
        except TimeoutError:
            lost = f"no answer within {TIMEOUT:g} s"
        except (OSError, asyncio.IncompleteReadError) as error:
            lost = "closed before the answer" if isinstance(error, asyncio.IncompleteReadError) else type(error).__name__
        if line is not None:
            await self._put_away(line, keep=keep and not lost)
        return Answer(sent=sent, ended=time.time(), release=release, lost=lost)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.target.port)

    async def _put_away(self, line: Line, *, keep: bool) -> None:
        if keep:
            self._idle.append(line)
        else:
            await line.close()


@asynccontextmanager
async def steady_load(target: Target, rate: float) -> AsyncIterator[Load]:
    """Keep a load up while the block runs."""
    load = Load(target, rate)
    running = asyncio.create_task(load.run())
    try:
        yield load
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def milliseconds(answers: Sequence[Answer]) -> list[float]:
    return [(answer.ended - answer.sent) * 1000 for answer in answers if not answer.lost]
