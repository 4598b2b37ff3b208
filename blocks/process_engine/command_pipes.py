"""The pipes of a running command, read and fed by the event loop without a thread, in bounded memory."""

import asyncio
import os
from types import TracebackType
from typing import IO, Self

from blocks.docker_engine.streams import HeadAndTail

CHUNK = 65536


class _Pipe:
    """One end of a pipe; `closed` is done when it is."""

    def __init__(self, file: IO[bytes] | None) -> None:
        if file is None:
            raise ValueError("the command was started without this pipe")
        self._file = file
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(file.fileno(), False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    def _close(self) -> None:
        if not self.closed.done():
            self._loop.remove_reader(self._file.fileno())
            self._loop.remove_writer(self._file.fileno())
            self._file.close()
            self.closed.set_result(None)


class Pump(_Pipe):
    """Reads a stream as it comes and keeps both its ends."""

    def __init__(self, file: IO[bytes] | None, limit: int) -> None:
        super().__init__(file)
        self._cut = HeadAndTail(limit)
        self._loop.add_reader(self._file.fileno(), self._read)

    @property
    def kept(self) -> bytes:
        return self._cut.bytes()

    @property
    def truncated(self) -> bool:
        return self._cut.truncated

    def _read(self) -> None:
        try:
            chunk = os.read(self._file.fileno(), CHUNK)
        except BlockingIOError:
            return
        if chunk:
            self._cut.add(chunk)
        else:
            self._close()


class Feed(_Pipe):
    """Writes all of the input as fast as it is taken, then closes."""

    def __init__(self, file: IO[bytes] | None, data: bytes) -> None:
        super().__init__(file)
        self._rest = memoryview(data)
        self._loop.add_writer(self._file.fileno(), self._write)

    def _write(self) -> None:
        try:
            self._rest = self._rest[os.write(self._file.fileno(), self._rest[:CHUNK]) :] if self._rest else self._rest
        except BlockingIOError:
            return
        except BrokenPipeError:  # it does not want to read
            self._rest = self._rest[:0]
        if not self._rest:
            self._close()
