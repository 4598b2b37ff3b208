"""Speech as text by a program of the operator's: it gets the path of a file and prints what is said in it.

It runs without a shell, without our environment (which holds keys), and no longer than it may; its whole group ends with it.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from domain.transcribing import HEARD_LIMIT, NotTranscribed

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
"""Variables that it may know."""


class CommandTranscriber:
    """Fulfils `domain.transcribing.Transcriber` by running `command` with the path as its last argument."""

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        self._command = tuple(command)
        self._seconds = seconds

    async def transcribe(self, sound: bytes, ending: str) -> str:
        """Return what the program prints, cut to a known length; raise NotTranscribed when it fails or takes too long."""
        with tempfile.TemporaryDirectory(prefix="slipway-voice-") as folder:
            path = Path(folder) / f"voice{ending}"
            path.touch(mode=0o600)
            await asyncio.to_thread(path.write_bytes, sound)
            return await self._printed(path)

    async def _printed(self, path: Path) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                str(path),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
                start_new_session=True,
            )
        except OSError as error:
            raise NotTranscribed(f"its program does not start: {type(error).__name__}") from error
        try:
            async with asyncio.timeout(self._seconds):
                printed = await _read(process)
                code = await process.wait()
        except TimeoutError:
            raise NotTranscribed(f"its program took longer than {self._seconds:g} s") from None
        finally:
            await _end(process)
        if code != 0:
            raise NotTranscribed(f"its program ended with code {code}")
        return printed.decode("utf-8", "replace").strip()[:HEARD_LIMIT]


async def _read(process: asyncio.subprocess.Process) -> bytes:
    """Return the beginning of what it prints, and read the rest, so that it does not wait for a reader."""
    assert process.stdout  # noqa: S101  (a pipe was asked for)
    kept = bytearray()
    while chunk := await process.stdout.read(1 << 16):
        kept += chunk[: HEARD_LIMIT * 4 - len(kept)]
    return bytes(kept)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
