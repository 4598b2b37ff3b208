"""Commands of the command line, run in forks of the runner's preloaded process (deployments/command_client.py).

A fork belongs to its client: it has the client's streams, folder and environment, ends when the client is gone, and tells
its process number and its exit code by itself, so it outlives a runner that is started again.
"""

import asyncio
import atexit
import io
import json
import os
import signal
import socket
import struct
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio

from deployments.runner.forking import Inherited, fork_command
from deployments.terminal import FAULT

MODULES = ("deployments.commands.table", "deployments.here.place", "deployments.asking", "deployments.tables", "flows.delivery")
"""What commands import, loaded once before the first fork."""

REQUEST_SECONDS = 10.0
REQUEST_LIMIT = 4 * 2**20


async def serve_commands(path: Path) -> None:
    """Take commands from this user's processes on the unix socket `path`, until cancelled."""
    with _listening(path) as listener:
        loop, busy = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        while True:
            client, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(_serve(client))
            busy.add(task)
            task.add_done_callback(busy.discard)


def _listening(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(64)
    listener.setblocking(False)
    return listener


async def _serve(client: socket.socket) -> None:
    """Fork for one client and reap the fork; a client that says nothing sensible is hung up on."""
    with client:
        client.settimeout(REQUEST_SECONDS)
        try:
            process = await asyncio.to_thread(_forked, client)
        except (OSError, ValueError):
            return
    await anyio.wait_readable(process.sentinel)
    process.join()


def _forked(client: socket.socket) -> Any:
    if _user_of(client) != os.getuid():
        raise PermissionError("a command of another user")
    head, streams, _, _ = socket.recv_fds(client, 4, 3)
    try:
        size = int.from_bytes(head, "big")
        if len(head) != 4 or len(streams) != 3 or size > REQUEST_LIMIT:
            raise ValueError("no command")
        request = json.loads(_received(client, size))
        client.settimeout(None)
        return fork_command(_run, request, [Inherited(each) for each in (client.fileno(), *streams)])
    finally:
        for stream in streams:
            os.close(stream)


def _user_of(client: socket.socket) -> int:
    """Return who is on the other end (unix(7), SO_PEERCRED)."""
    _, user, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return int(user)


def _received(client: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = client.recv(min(65536, size - len(parts)))
        if not part:
            raise ValueError("an unfinished command")
        parts += part
    return bytes(parts)


def _run(request: dict[str, Any], client: int, streams: tuple[int, int, int]) -> None:
    """Be the client's command, in the fork."""
    os.setsid()
    connection = socket.socket(fileno=client)
    _become(request, streams)
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    code = _code(request["words"], connection)
    atexit._run_exitfuncs()  # a fork of multiprocessing ends without them, and Prefect sends its last logs there
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    with suppress(OSError):
        connection.sendall(f"{code}\n".encode())
    os._exit(code)


def _code(words: list[str], connection: socket.socket) -> int:
    from deployments.commands.table import run

    try:
        connection.sendall(f"{os.getpid()}\n".encode())  # from here on signals come, and each is answered by now
        return run(words)
    except KeyboardInterrupt:
        sys.stderr.write("slipway: interrupted\n")
        return 130
    except BrokenPipeError:  # the client is gone, or whoever read its output
        return FAULT
    except BaseException as error:  # what nobody foresaw: its traceback is for the terminal that asked
        sys.excepthook(type(error), error, error.__traceback__)
        return FAULT


def _become(request: dict[str, Any], streams: tuple[int, int, int]) -> None:
    """Take over the client's streams, folder, environment and the usual answers to signals."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = _text(0, "r")
    sys.stdout = _text(1, "w")
    sys.stderr = _text(2, "w", "backslashreplace")
    sys.argv = ["slipway", *request["words"]]
    os.environ.clear()
    os.environ.update(request["environment"])
    with suppress(FileNotFoundError):
        os.chdir(request["folder"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def _text(number: int, mode: str, errors: str = "strict") -> io.TextIOWrapper:
    raw = os.fdopen(number, f"{mode}b", closefd=False)
    at_once = mode == "w" and (os.isatty(number) or number == 2)
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=at_once)


def _end_with(connection: socket.socket) -> None:
    """End this process when its client is gone."""
    with suppress(OSError):
        while connection.recv(64):
            pass
    os.kill(os.getpid(), signal.SIGHUP)
