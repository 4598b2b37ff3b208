"""What a command needs of a running installation."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployments.terminal import NotUp

if TYPE_CHECKING:
    import httpx

    from deployments.asked_place import Place
    from deployments.data_folder import Up
    from deployments.desk.requests import Desk
    from deployments.settings import Settings


PATIENCE = {"PREFECT_API_REQUEST_TIMEOUT": "30", "PREFECT_CLIENT_MAX_RETRIES": "1"}
"""Somebody waits at a terminal: a server that hangs is told after a minute; Prefect itself would try for six."""


def running(settings: "Settings") -> "Up":
    """Return where everything is; raise NotUp when no `slipway up` holds the data folder."""
    from deployments.data_folder import read_up

    up = read_up(settings.home)
    if up is None:
        raise NotUp(str(settings.home))
    return up


@asynccontextmanager
async def open_session() -> AsyncIterator[tuple["Desk", "Up"]]:
    """Open the desk of the running installation."""
    from deployments.prefect_server.access import prefect_environment
    from deployments.settings import load_settings

    up = running(load_settings())
    from deployments.desk.opening import open_desk

    async with open_desk({**PATIENCE, **prefect_environment(up)}) as desk:
        yield desk, up


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What all commands share."""

    debug: bool = False
    server: str = ""
    """Address of the installation elsewhere that is asked; empty: the one on this machine is."""
    usual: str = ""
    """The one that is asked where none is named, because this machine has no installation."""
    here: Callable[[], AbstractAsyncContextManager[tuple["Desk", "Up"]]] = open_session
    transport: "httpx.AsyncBaseTransport | None" = None

    def session(self) -> AbstractAsyncContextManager[tuple["Desk", "Up"]]:
        """Open the desk of this machine's installation, for what is for this machine alone."""
        return self.here()

    @asynccontextmanager
    async def place(self) -> AsyncIterator["Place"]:
        """Open the installation that is meant: the one at `server`, or this machine's."""
        if server := self.server or self.usual:
            from deployments.remote.place import open_place

            async with open_place(server, self.transport) as remote:
                yield remote
            return
        async with self.session() as (desk, up):
            from deployments.here.place import OwnPlace

            yield OwnPlace(desk, up)
