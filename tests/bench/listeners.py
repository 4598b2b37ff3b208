"""Server-sent events to many listeners of one run, beside a bare FastAPI route that tells as many the same."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.figures import Section
from tests.bench.telegram import percentile

LISTENERS = 500
EVENTS = 40
RUN = "r-notes000000"


@dataclass
class Crowd:
    """Listeners on connections of their own, and when each heard each event."""

    heard: dict[str, list[float]] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def listen(self, port: int, path: str, key: str) -> None:
        """Open one stream and note what comes, until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET {path} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        try:
            writer.write(head)
            async for line in reader:
                if line.startswith(b"HTTP/1.1") and b"200" not in line:
                    raise SystemExit(f"{path} was answered: {line.decode()}")
                if line.startswith(b"data: ") and (name := line.partition(b'"text":"')[2].partition(b'"')[0].decode()):
                    self.heard.setdefault(name, []).append(time.monotonic())
                    async with self._changed:
                        self._changed.notify_all()
        finally:
            writer.close()

    async def all_have(self, name: str, number: int) -> list[float]:
        """Return when each heard it, once so many have."""
        async with asyncio.timeout(120), self._changed:
            await self._changed.wait_for(lambda: len(self.heard.get(name, ())) >= number)
        return self.heard[name]


@dataclass(frozen=True)
class Told:
    """What one server did: seconds until one, and until the last listener had heard an event; bytes of one listener."""

    each: list[float]
    last: list[float]
    bytes: float


async def tell(
    port: int, process: int, path: str, key: str, say: Callable[[str], Awaitable[None]], listeners: int, events: int
) -> Told:
    """Say so many events to so many listeners, one after the other."""
    before, each, last = resident(process), list[float](), list[float]()
    await say("ready")
    async with _crowd(port, path, key, listeners) as crowd:
        await crowd.all_have("ready", listeners)
        taken = (resident(process) - before) / listeners
        for number in range(events):
            said = time.monotonic()
            await say(f"event {number}")
            heard = await crowd.all_have(f"event {number}", listeners)
            each += (at - said for at in heard)
            last.append(max(heard) - said)
    return Told(each=each, last=last, bytes=taken)


@asynccontextmanager
async def _crowd(port: int, path: str, key: str, listeners: int) -> AsyncIterator[Crowd]:
    crowd = Crowd()
    tasks = [asyncio.create_task(crowd.listen(port, path, key)) for _ in range(listeners)]
    try:
        yield crowd
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def resident(process: int) -> float:
    """Return the bytes of memory that the process has."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def add(section: Section, name: str, told: Told) -> float:
    """Add the figures, and return the median time until all have heard an event."""
    section.add(f"{name}: until a listener hears an event", "ms", percentile(told.each, 50) * 1000)
    section.add(f"{name}: until a listener hears an event, p99", "ms", percentile(told.each, 99) * 1000)
    all_heard = section.add(f"{name}: until all have heard it", "ms", *(seconds * 1000 for seconds in told.last))
    section.add(f"{name}: memory of a listener", "KiB", told.bytes / 1024)
    return all_heard.value
