"""Candidates: what an engine builds of a clean clone, so that copies of it can be run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from domain.values import Value


class Built(Value):
    """A candidate that can be run."""

    candidate: str
    """Image digest (`sha256:...`), or `folder:<content hash>`."""
    log: str = ""
    seconds: float = 0.0


class BuildFailed(Value):
    """A candidate that could not be built; `log` ends with the cause."""

    log: str
    timed_out: bool = False
    seconds: float = 0.0


class ImageBuilder(Protocol):
    """Turns a clean clone into a candidate."""

    async def build(self, source: Path, project: str, run: str, seconds: float = 600.0) -> Built | BuildFailed:
        """Build the project in `source` (a folder with its Dockerfile). The same content may return the same candidate."""
        ...

    async def remove_candidate(self, candidate: str) -> None:
        """Delete it; nothing happens when it is gone or still used."""
        ...

    async def candidates(self, project: str) -> Sequence[str]:
        """List what was built for the project and for no other."""
        ...
