"""Doors: how an agent in a worker is offered tools of ours, which run in the process that leads it.

A door has a name, which stands in the token of the worker. It is open while that process works; nobody else's token opens it.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from domain.roles import Tools

CALL_LIMIT = 256 * 1024
"""Bytes of one request to a door."""

CALL_SECONDS = 120.0
"""How long a call may take."""


class ToolDoors(Protocol):
    """Opens doors on this machine."""

    def opened(self, name: str, tools: Tools) -> AbstractAsyncContextManager[None]:
        """Serve the tools at the door for as long as the context lasts; who opened it before has lost it."""
        ...
