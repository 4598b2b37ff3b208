"""One command of this machine: started in its own session, bounded, watched, and killed with all that it started."""

import asyncio
import contextlib
import errno
import math
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from uuid import uuid4

from blocks.process_engine.command_pipes import Feed, Pump
from blocks.process_engine.shim import birth
from blocks.process_engine.tree import Tree
from domain.errors import EngineUnreachable
from domain.workers import Command, CommandResult, Limits

LOOK = 0.2
"""Seconds between two looks at a running command's memory and number of processes."""
GRACE = 0.3
"""Seconds that output may still come in after the command ended and something in the background holds its pipe."""


class _End(Enum):
    ITSELF = ""
    DEADLINE = "by its deadline"
    MEMORY = "for using more memory than it may"
    PROCESSES = "for starting more processes than it may"


def bounds(limits: Limits, memory_factor: float = 1.0, cpu_seconds: int | None = None) -> list[str]:
    """Return the front of a command line that bounds each process: data segment, file size, core dumps, CPU time.

    RLIMIT_DATA and not RLIMIT_AS: V8 and glibc reserve far more addresses than they use. RLIMIT_NPROC counts per user
    and means nothing to root, so the number of processes is watched instead.
    """
    prlimit = shutil.which("prlimit", path=f"{os.defpath}:/usr/sbin")
    if prlimit is None:
        raise EngineUnreachable("this machine", "looking for prlimit", "install the package util-linux")
    data, size = int(limits.memory_mb * memory_factor) << 20, limits.disk_mb << 20
    cpu = [f"--cpu={cpu_seconds}"] if cpu_seconds else []
    return [prlimit, "--core=0", f"--data={data}", f"--fsize={size}", *cpu, "--"]


async def run_command(command: Command, *, folder: Path, environment: Mapping[str, str], limits: Limits) -> CommandResult:
    """Run to the end or the deadline; also when the caller is cancelled, nothing that it started stays.

    What a command leaves in the background when it ends by itself goes on, until its worker is removed.
    """
    began = time.monotonic()
    mark = uuid4().hex
    cpu = math.ceil(command.seconds * max(1.0, limits.cpus)) + 60
    argv = [*bounds(limits, 2.0, cpu), *command.argv]
    process = _started(argv, folder, {**environment, **command.environment, "SLIPWAY_COMMAND": mark})
    if isinstance(process, CommandResult):
        return process
    tree = Tree(f"SLIPWAY_COMMAND={mark}", (process.pid, birth(process.pid)))
    with contextlib.ExitStack() as open_pipes:
        open_pipes.callback(_forget, process, tree)
        out = open_pipes.enter_context(Pump(process.stdout, command.output_limit))
        err = open_pipes.enter_context(Pump(process.stderr, command.output_limit))
        open_pipes.enter_context(Feed(process.stdin, command.stdin))
        end = await _watched(process, tree, command.seconds, limits)
        if end is not _End.ITSELF:
            await asyncio.to_thread(tree.kill)
        await asyncio.wait({out.closed, err.closed}, timeout=GRACE)
        return _result(process, end, out, err, time.monotonic() - began)


def _started(argv: list[str], folder: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes] | CommandResult":
    if not folder.is_dir():
        return CommandResult(exit_code=126, stderr=f"there is no folder {folder}\n".encode())
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            argv, cwd=folder, env=dict(environment), stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True
        )
    except ValueError as error:  # a NUL in an argument
        return CommandResult(exit_code=126, stderr=f"{error}\n".encode())
    except OSError as error:
        if error.errno == errno.E2BIG:
            return CommandResult(exit_code=126, stderr=b"the arguments are too long\n")
        raise EngineUnreachable("this machine", "starting a command", str(error)) from error


async def _watched(process: "subprocess.Popen[bytes]", tree: Tree, seconds: float, limits: Limits) -> _End:
    """Return how the command ended, or why it must be ended."""
    deadline = time.monotonic() + seconds
    ended = asyncio.ensure_future(_ended(process.pid))
    try:
        while (left := deadline - time.monotonic()) > 0:
            await asyncio.wait({ended}, timeout=min(left, LOOK))
            if ended.done():
                return _End.ITSELF
            if len(tree.look()) > limits.pids:
                return _End.PROCESSES
            if tree.holds_more_than(limits.memory_mb << 20):
                return _End.MEMORY
        return _End.DEADLINE
    finally:
        ended.cancel()


async def _ended(pid: int) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop.add_reader(descriptor, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _forget(process: "subprocess.Popen[bytes]", tree: Tree) -> None:
    """Leave no child behind, whichever way we came here."""
    if process.poll() is None:
        tree.kill()
    process.wait()


def _result(process: "subprocess.Popen[bytes]", end: _End, out: Pump, err: Pump, seconds: float) -> CommandResult:
    code = process.wait()
    note = b"" if end is _End.ITSELF else f"\nslipway: killed {end.value}\n".encode()
    exit_codes = {_End.ITSELF: code if code >= 0 else 128 - code, _End.DEADLINE: -1}
    return CommandResult(
        exit_code=exit_codes.get(end, 137),
        stdout=out.kept,
        stderr=err.kept + note,
        truncated=out.truncated or err.truncated,
        timed_out=end is _End.DEADLINE,
        out_of_memory=end is _End.MEMORY,
        seconds=seconds,
    )
