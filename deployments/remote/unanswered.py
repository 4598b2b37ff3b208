"""Requests elsewhere whose answer is not known yet: asked again after a kill, they are the same request (Idempotency-Key)."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from blocks.private_files import write_private
from domain.errors import BadInput


class Unanswered:
    """One request, and the key under which it is sent until its answer has come."""

    def __init__(self, *about: str) -> None:
        root = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        self._file = root / "slipway" / "unanswered" / hashlib.sha256("\0".join(about).encode()).hexdigest()

    def key(self) -> str:
        """Return the key; it is written down before anything is sent."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._file, str(uuid4()), once=True)
        return self._file.read_text("ascii")

    @contextmanager
    def ends_when_refused(self) -> Iterator[None]:
        """Let a refusal inside this block be the answer: under its key it would be told again, whatever has changed since."""
        try:
            yield
        except BadInput:
            self.answered()
            raise

    def answered(self) -> None:
        """Let the same request be another one from now on."""
        self._file.unlink(missing_ok=True)
