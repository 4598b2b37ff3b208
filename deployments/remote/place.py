"""The whole of an installation elsewhere, as whoever has a key for it asks it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from deployments.remote.answers import OtherVersion
from deployments.remote.belongings import RemoteBelongings
from deployments.remote.client import Server, connected
from deployments.remote.logins import kept
from deployments.remote.office import RemoteOffice
from deployments.remote.projects import RemoteProjects

if TYPE_CHECKING:
    import httpx


class RemotePlace(RemoteProjects, RemoteBelongings, RemoteOffice):
    """Fulfil `deployments.asked_place.Place` by HTTP."""

    def __init__(self, server: Server) -> None:
        RemoteProjects.__init__(self, server)
        RemoteBelongings.__init__(self, server)
        RemoteOffice.__init__(self, server)


@asynccontextmanager
async def open_place(address: str, transport: "httpx.AsyncBaseTransport | None" = None) -> AsyncIterator[RemotePlace]:
    """Open the installation there, with the key that is kept for it; raise OtherVersion when its answers are not understood."""
    async with connected(address, kept(address), transport) as server:
        try:
            yield RemotePlace(server)
        except (KeyError, ValidationError) as error:  # a document without what this version knows of it
            raise OtherVersion(address) from error
