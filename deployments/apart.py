"""Work in a process of its own, for what blocks and must end when somebody is interrupted: a thread cannot be ended."""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, TypeVar, cast

from deployments.supervision.children import die_with
from domain.errors import Broken, SlipwayError

T = TypeVar("T")
Report = Callable[[str], None]

SAID, MADE, FAILED = "said", "made", "failed"
TIDY_SECONDS = 20.0
"""How long interrupted work may take to tidy up before its whole group is killed."""


async def apart(work: Callable[..., T], report: Report, *arguments: Any) -> T:
    """Return what `work(report, *arguments)` returns in a new process, or raise the SlipwayError that it raised.

    `work` is a function of a module. Being cancelled ends the process with SIGTERM, which `work` sees as SystemExit, and
    returns when it is gone. Raises Broken with its traceback when it failed otherwise.
    """
    ours, theirs = Pipe()
    parent = os.getpid()
    with ours:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "deployments.apart",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                process_group=0,
                preexec_fn=lambda: die_with(parent),
            )
        try:
            return await _outcome(ours, process, report, work, arguments)
        finally:
            await _ended(process)


async def _outcome(
    ours: "Connection[Any, Any]",
    process: asyncio.subprocess.Process,
    report: Report,
    work: Callable[..., T],
    arguments: tuple[Any, ...],
) -> T:
    ours.send((work, arguments))
    while True:
        try:
            kind, value = await asyncio.to_thread(ours.recv)  # ends at the latest with the process
        except (EOFError, ConnectionError):
            raise Broken(f"{work.__name__} ended with exit code {await process.wait()}") from None
        match kind:
            case "said":
                report(value)
            case "made":
                return cast(T, value)
            case _:
                raise cast(SlipwayError, value)


async def _ended(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), TIDY_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def serve(connection: "Connection[Any, Any]") -> None:
    """Be the process: do the one piece of work that comes over the connection."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    work, arguments = connection.recv()
    outcome: tuple[str, Any]
    try:
        outcome = MADE, work(lambda text: connection.send((SAID, text)), *arguments)
    except SlipwayError as error:
        outcome = FAILED, error
    except Exception as error:
        told = "".join(traceback.format_exception(error))
        outcome = FAILED, Broken(f"{work.__name__} failed with {type(error).__name__}: {error}\n{told}")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is on its way out
    connection.send(outcome)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
