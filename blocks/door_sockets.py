"""Where doors are on this machine: unix sockets in a folder of the data folder that only its user may enter.

A socket's path is short in the kernel (unix(7): 107 bytes) and a data folder may lie deep, so the folder is named by a handle.
"""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LEFT_SECONDS = 24 * 60 * 60
"""Age of a socket that is nobody's any more: a door is open for minutes."""


class DoorSockets:
    """The sockets of one data folder, by the names of the doors."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "doors"

    @contextmanager
    def listening(self, name: str) -> Iterator[socket.socket]:
        """Yield a socket that listens under this name, which is gone afterwards; one that was left there is replaced."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with self.address(name) as address:
                with suppress(FileNotFoundError):
                    os.unlink(address)
                listener.bind(address)
            listener.listen(16)
            yield listener
        finally:
            listener.close()
            with suppress(FileNotFoundError):
                os.unlink(self._folder / name)

    def _sweep(self) -> None:
        """Remove what killed processes left, long after any door of theirs would have been shut."""
        for left in self._folder.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > LEFT_SECONDS:
                    left.unlink()

    @contextmanager
    def address(self, name: str) -> Iterator[str]:
        """Yield a short path of the socket; raise FileNotFoundError when no door was ever opened here."""
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{handle}/{name}"
        finally:
            os.close(handle)

    async def is_open(self, name: str) -> bool:
        """Tell whether somebody listens: the socket of a process that was killed is still there, and shut."""
        try:
            with self.address(name) as address:
                _, writer = await asyncio.open_unix_connection(address)
        except OSError:
            return False
        writer.close()
        return True
