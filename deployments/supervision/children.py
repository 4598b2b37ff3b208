"""Child processes: started, known to be ready, restarted when they die, and ended for certain."""

import asyncio
import ctypes
import os
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from domain.errors import Broken

PR_SET_PDEATHSIG = 1
DEATH_WINDOW, LONGEST_REST = 60.0, 30.0
"""Each death within so many seconds makes the rest before the next start longer, up to so many seconds."""

_libc = ctypes.CDLL(None, use_errno=True)


class ServiceFailed(Broken):
    """A service did not start or does not stay up: (name, what happened, log file, its last lines)."""

    def __str__(self) -> str:
        name, happened, log, tail = self.args
        return f"{name} {happened}; its log {log} ends with:\n{tail}"


@dataclass(frozen=True, kw_only=True)
class Service:
    """How to run one service and how to know that it is ready."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    ready: Callable[[], Awaitable[bool]]
    seconds: float = 180.0
    """Deadline for being ready, for a machine with other work; a service that ends is noticed at once."""
    sockets: tuple[Path, ...] = ()
    """Unix sockets that a killed predecessor may have left; removed before each start."""
    acts: bool = False
    """Whether it works on projects: it is ended before the apps are paused, else it would take a pause for a failure."""
    mend: Callable[[], bool] = lambda: False
    """Asked when it ends before it is ready: mends what it stands on, and tells whether to start it once more."""
    patience: float = 6.0
    """Seconds from SIGTERM to SIGKILL; the signal is repeated halfway."""


def die_with(parent: int, number: int = signal.SIGTERM) -> None:
    """Make the kernel end this process when its parent ends, however that happens (prctl(2)). Runs after fork."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's `&` ignores it, and Prefect turns SIGTERM into SIGINT
    _libc.prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


class Child:
    """One supervised service."""

    def __init__(self, service: Service, log: Path, report: Callable[[str], None]) -> None:
        self.service = service
        self._log = log
        self._report = report
        self._deaths: deque[float] = deque()
        self._process: asyncio.subprocess.Process | None = None
        self._ending = False

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Start it and return when it is ready; raise ServiceFailed when it cannot be, ends before or misses its deadline."""
        try:
            await self._start()
        except ServiceFailed:
            if not self.service.mend():
                raise
            self._report(f"{self.service.name} found its data broken, and starts with what of it is whole (log: {self._log})")
            await self._start()

    async def _start(self) -> None:
        try:
            self._process = await self._spawned()
        except OSError as error:  # no process, file or memory to be had, for now
            raise self._failed(f"could not be started ({error})") from error
        await self._until_ready(self._process)

    async def _spawned(self) -> asyncio.subprocess.Process:
        for path in self.service.sockets:
            path.unlink(missing_ok=True)
        parent = os.getpid()
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self.service.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.service.environment),
                process_group=0,
                preexec_fn=lambda: die_with(parent),
            )

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        deadline = monotonic() + self.service.seconds
        while not await self.service.ready():
            if process.returncode is not None:
                raise self._failed(f"ended {_how(process.returncode)} before it was ready")
            if monotonic() > deadline:
                await self._end(process)
                raise self._failed(f"was not ready after {self.service.seconds:.0f} seconds")
            await asyncio.sleep(0.05)

    async def supervise(self) -> None:
        """Start it again whenever it dies, however often: what else is up, the apps above all, goes on. Return when stopped."""
        while self._process is not None:
            code = await self._process.wait()
            if self._ending:
                return
            await self._again(f"ended {_how(code)}")

    async def _again(self, happened: str) -> None:
        while True:
            self._report(f"{self.service.name} {happened}; starting it again (log: {self._log})")
            await asyncio.sleep(self._rest(monotonic()))
            try:
                return await self.start()
            except ServiceFailed as error:
                happened = str(error.args[1])

    def _rest(self, now: float) -> float:
        """Count a death, and return for how many seconds it is not started after it."""
        self._deaths.append(now)
        while now - self._deaths[0] >= DEATH_WINDOW:
            self._deaths.popleft()
        return min(LONGEST_REST, 0.1 * 4.0 ** (len(self._deaths) - 1))

    async def stop(self) -> None:
        """Ask it to end, then make it: afterwards it and its process group are gone."""
        self._ending = True
        if self._process is not None:
            await self._end(self._process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        for _ in range(2):  # Prefect answers the first SIGTERM by sending itself SIGINT; the second always ends it
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), self.service.patience / 2)
                break
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    def _failed(self, happened: str) -> ServiceFailed:
        return ServiceFailed(self.service.name, happened, str(self._log), tail(self._log))


async def end_all(children: Sequence[Child], between: Callable[[], Awaitable[None]]) -> None:
    """End those that act, then do `between`, then end the services that they used; the youngest first."""
    for child in reversed([child for child in children if child.service.acts]):
        await child.stop()
    await between()
    for child in reversed(children):
        await child.stop()


def _how(code: int) -> str:
    return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def tail(log: Path, lines: int = 15) -> str:
    """Return the end of a log; empty when there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])


def rotate(log: Path) -> None:
    """Keep the log of the previous `up` as `<name>.log.1`."""
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
