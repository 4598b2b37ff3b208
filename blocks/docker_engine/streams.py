"""The two output streams of a command, as the engine multiplexes them, kept within bounds."""

import contextlib
import socket
import struct
from collections import deque
from typing import Any, BinaryIO, Protocol

STDERR = 2
CHUNK = 64 * 1024


class HeadAndTail:
    """Keep the first and the last half of a stream, so that memory stays bounded however much comes.

    `spare` bytes more are kept at the end, for a mark that `take_ending` may find there.
    """

    def __init__(self, limit: int, spare: int = 0) -> None:
        self._head_limit = (limit + 1) // 2
        self._tail_limit = limit - self._head_limit
        self._spare = spare
        self.forget()

    def forget(self) -> None:
        """Begin anew, for a command that is tried again."""
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._total = 0

    def add(self, data: bytes) -> None:
        self._total += len(data)
        room = self._head_limit - len(self._head)
        self._head += data[:room]
        if rest := data[room:]:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail and self._tail_size - len(self._tail[0]) >= self._tail_limit + self._spare:
            self._tail_size -= len(self._tail.popleft())

    def take_ending(self, mark: bytes) -> bool:
        """Tell whether the stream ended with `mark` (at most `spare` bytes long), and cut it off."""
        tail = b"".join(self._tail)
        if not (self._head + tail).endswith(mark):
            return False
        in_head = max(0, len(mark) - len(tail))
        self._head = self._head[: len(self._head) - in_head]
        self._tail = deque([tail[: max(0, len(tail) - len(mark))]])
        self._total -= len(mark)
        return True

    @property
    def full(self) -> bool:
        """Never: a reader may go on for ever."""
        return False

    @property
    def truncated(self) -> bool:
        return self._total > self._head_limit + self._tail_limit

    def bytes(self) -> bytes:
        """Return what was kept; a cut is marked with the number of bytes left out."""
        tail = b"".join(self._tail)
        if not self.truncated:
            return bytes(self._head) + tail
        cut = self._total - self._head_limit - self._tail_limit
        return bytes(self._head) + b"\n[... %d bytes cut ...]\n" % cut + tail[len(tail) - self._tail_limit :]


class Whole:
    """Keep all of a stream up to a limit; past it `full` is set and nothing more is read."""

    truncated = False

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.forget()

    def forget(self) -> None:
        """Begin anew, for a command that is tried again."""
        self._kept = bytearray()
        self.full = False

    def add(self, data: bytes) -> None:
        self.full = self.full or len(self._kept) + len(data) > self._limit
        if not self.full:
            self._kept += data

    def bytes(self) -> bytes:
        return bytes(self._kept)


class Sink(Protocol):
    """Where a stream goes."""

    @property
    def full(self) -> bool:
        """Tell that nothing more is wanted."""
        ...

    def add(self, data: bytes) -> None: ...


class ToFile:
    """Write a stream to an open file, however long it is."""

    full = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, data: bytes) -> None:
        self._file.write(data)


class AttachedStream:
    """The raw connection of one `docker exec`: standard input goes in, framed output comes out."""

    def __init__(self, attached: Any) -> None:
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._socket.settimeout(None)

    def send(self, stdin: bytes) -> None:
        """Send all of it and close that direction; a command that stopped reading is no error, a dead engine ends `receive`."""
        with contextlib.suppress(OSError):
            self._socket.sendall(stdin)
            self._socket.shutdown(socket.SHUT_WR)

    def send_file(self, file: BinaryIO) -> None:
        """Send a file in parts and close that direction, as `send` does."""
        with contextlib.suppress(OSError):
            while chunk := file.read(CHUNK):
                self._socket.sendall(chunk)
            self._socket.shutdown(socket.SHUT_WR)

    def receive(self, stdout: Sink, stderr: Sink) -> None:
        """Read both streams to their end; frames as in the engine's API, 'Attach to a container'."""
        while len(header := self._exactly(8)) == 8:
            kind, size = struct.unpack(">BxxxL", header)
            while size > 0:
                data = self._socket.recv(min(size, CHUNK))
                if not data:
                    return
                (stderr if kind == STDERR else stdout).add(data)
                size -= len(data)
                if stdout.full:
                    return

    def end(self) -> None:
        """Wake whoever sends or receives, and close the connection."""
        with contextlib.suppress(OSError):  # the other side may have closed first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._attached.close()
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                break
            data += part
        return data
