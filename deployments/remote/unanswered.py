"""Requests elsewhere whose answer is not known yet: asked again after they were cut off, they are the same (Idempotency-Key).

Each has a file, which its command holds (flock) until the answer has come, or the command has ended, however it did. A file
that nobody holds was left by a command that was cut off: who asks the same takes it over. One that is held is being asked by
somebody at this moment: who asks the same beside them means another one.
"""

import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from domain.errors import BadInput

REMEMBERED = 86_400.0
"""Seconds after which nobody means the old one any more by the same words."""


class Unanswered:
    """One request, and the key under which it is sent until its answer has come."""

    def __init__(self, *about: str) -> None:
        root = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        folder = root / "slipway" / "unanswered"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256("\0".join(about).encode()).hexdigest()
        self._file = _left(folder, digest) or _begun(folder, digest)
        self.key = Path(self._file.name).suffix.removeprefix(".")

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Let a refusal inside be the answer: under its key it would be told again, whatever has changed since."""
        try:
            yield
        except BadInput:
            self.answered()
            raise
        except BaseException:
            self._file.close()
            raise

    def answered(self) -> None:
        """Let the same request be another one from now on."""
        Path(self._file.name).unlink(missing_ok=True)
        self._file.close()


def _left(folder: Path, digest: str) -> BinaryIO | None:
    """Return what a command has left that was cut off, held now; None when there is none."""
    for path in sorted(folder.glob(f"{digest}.*")):
        with suppress(FileNotFoundError):
            if (held := _held(path, "rb")) is None:
                continue
            asked = path.stat().st_mtime
            if time.time() - asked < REMEMBERED:
                at = time.strftime("%H:%M", time.localtime(asked))
                sys.stderr.write(f"the same was asked at {at} and cut off: this goes on with that\n")
                return held
            path.unlink()
            held.close()
    return None


def _begun(folder: Path, digest: str) -> BinaryIO:
    """Write a request down before anything is sent."""
    while (made := _held(folder / f"{digest}.{uuid4()}", "xb")) is None:
        continue  # between these two somebody took it for one that was left
    os.fsync(made.fileno())
    return made


def _held(path: Path, mode: str) -> BinaryIO | None:
    """Return the file, held until it is closed; None when somebody else holds it, or has had its answer meanwhile."""
    file: BinaryIO = path.open(mode)  # type: ignore[assignment]
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    if path.exists():
        return file
    file.close()
    return None
