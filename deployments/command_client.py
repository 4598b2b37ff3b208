"""Hand a command line to the running installation, where everything is imported already.

Imports of Prefect and its companions take a command seconds. The runner has them loaded, and forks: this process gives the
fork its terminal (the three standard streams), its folder and its environment, passes signals on, and ends as the fork ends.
Only the standard library is used here. Where nobody listens, the command runs in its own process, just slower.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from deployments.sockets import COMMANDS, socket_folder

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
BROKEN_OFF = "slipway: the installation ended while it worked on this: see `slipway status`\n"


def run_warm(words: Sequence[str]) -> int | None:
    """Return the exit code of the command; None when no installation takes it, and so nothing of it was done."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server, server.makefile("rb") as answers:
        try:
            server.connect(str(socket_folder(_home()) / COMMANDS))
            _send(server, words)
            process = int(answers.readline())
        except (OSError, ValueError):
            return None
        return _followed(process, answers)


def _home() -> Path:
    """Return the data folder as the settings will: environment, then `.env`, then the usual place."""
    named = os.environ.get("SLIPWAY_HOME") or _home_of_file(Path(".env")) or "~/.slipway"
    return Path(named).expanduser().absolute()


def _home_of_file(file: Path) -> str | None:
    if not file.is_file():
        return None
    from dotenv import dotenv_values

    return dotenv_values(file).get("SLIPWAY_HOME")


def _send(server: socket.socket, words: Sequence[str]) -> None:
    message = json.dumps({"words": list(words), "folder": os.getcwd(), "environment": dict(os.environ)}).encode()
    socket.send_fds(server, [len(message).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(message)


def _followed(process: int, answers: BinaryIO) -> int:
    """Pass signals on to the process, and return the code that it says in the end; a command that began never runs twice."""
    last = b""
    with _forwarding(process), suppress(OSError):
        last = answers.readline()
    if not last:
        sys.stderr.write(BROKEN_OFF)
        return 4
    return int(last)


@contextmanager
def _forwarding(process: int) -> Iterator[None]:
    def forward(number: int, _: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
