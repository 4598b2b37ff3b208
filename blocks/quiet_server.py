"""An HTTP server inside a process that does other things as well."""

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn


class QuietServer(uvicorn.Server):
    """A server that leaves the signals of its process to its process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield
