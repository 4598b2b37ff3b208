"""Caddy through its admin API (https://caddyserver.com/docs/api).

Caddy's configuration never changes: it has one route for all apps and looks into small files at each request. Which hosts
there are and which copy answers them stands in those (blocks/route_files.py), in Caddy's own storage folder.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import httpx
from prefect.blocks.core import Block
from pydantic import Field

from blocks.route_files import FOLDER, RouteFiles
from blocks.trust import trust_for
from domain.errors import Broken, ServiceUnreachable, TryAgain
from domain.routes import Route, caddy_route, holds_apps

T = TypeVar("T")

_SERVERS = "/config/apps/http/servers"


class _ConfigChangedError(Exception):
    """Another process changed Caddy's configuration since it was read (412)."""


class Caddy(Block):
    """The web server in front of all apps. Routes that are not Slipway's are left alone."""

    _block_type_slug = "slipway-caddy"
    _block_type_name = "Slipway Caddy"

    admin: str = Field(description="Caddy's admin address: unix//path/admin.sock or http://127.0.0.1:2019")
    listen: str = Field(description="Address of the apps' server as in Caddy's configuration, like :8080")

    async def prepare(self) -> None:
        """Load our route of all apps when Caddy has lost it; the files are as they were."""
        await self._in_files("looking for the route of all apps", lambda _: None)

    async def set_route(self, route: Route, fence: int) -> None:
        """Point the hosts at the upstream; a configuration is loaded only when Caddy has lost the route of all apps."""
        await self._in_files(f"setting the route of {route.project}", lambda files: files.write(route, fence))

    async def remove_route(self, project: str, fence: int | None = None) -> None:
        await self._in_files(f"removing the route of {project}", lambda files: files.remove(project, fence))

    async def routes(self) -> Sequence[Route]:
        """Return the routes by which Caddy finds apps: none when it has lost the route of all apps."""

        async def exchange(client: httpx.AsyncClient) -> Sequence[Route]:
            folder = await _folder(client)
            _, found, _ = await self._server(client)
            return await asyncio.to_thread(RouteFiles(folder).read) if holds_apps(found, folder) else []

        return await self._answered("reading the routes", exchange)

    async def in_flight(self, upstream: str) -> int:
        async def exchange(client: httpx.AsyncClient) -> int:
            entries = _checked(await client.get("/reverse_proxy/upstreams")).json()
            return max((int(entry["num_requests"]) for entry in entries if entry["address"] == upstream), default=0)

        return await self._answered("counting the requests in flight", exchange)

    async def _in_files(self, attempted: str, change: Callable[[RouteFiles], None]) -> None:
        """Change the files, and see to it that Caddy looks at them; foreign routes stay behind ours."""

        async def exchange(client: httpx.AsyncClient) -> None:
            folder = await _folder(client)
            server, found, etag = await self._server(client)
            await asyncio.to_thread(change, RouteFiles(folder))
            if not holds_apps(found, folder):
                route = caddy_route(folder)
                _checked(await client.put(f"{server}/routes/0", json=route, headers={"If-Match": etag}))

        await self._answered(attempted, exchange)

    async def _server(self, client: httpx.AsyncClient) -> tuple[str, list[dict[str, Any]], str]:
        """Return the path of the server that listens on our port, its routes and their Etag."""
        servers = _checked(await client.get(_SERVERS)).json() or {}
        for name, server in servers.items():
            if any(_port(address) == _port(self.listen) for address in server.get("listen", ())):
                response = _checked(await client.get(f"{_SERVERS}/{name}/routes"))
                return f"{_SERVERS}/{name}", response.json() or [], response.headers["Etag"]
        raise Broken(f"Caddy has no HTTP server on {self.listen}: start it with Slipway's Caddyfile")

    async def _answered(self, attempted: str, exchange: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
        """Run the exchange, and once more when another process loaded a configuration meanwhile.

        Then either Caddy says so (412), or the connection breaks, for Caddy restarts its admin endpoint with each load.
        All exchanges read before they write, so repeating one is safe.
        """
        with suppress(_ConfigChangedError, httpx.TransportError):
            return await self._once(exchange)
        try:
            return await self._once(exchange)
        except _ConfigChangedError:
            raise TryAgain(f"Caddy's configuration was changed by others while {attempted}") from None
        except httpx.TransportError as error:
            raise ServiceUnreachable("Caddy", attempted, str(error) or type(error).__name__) from error

    async def _once(self, exchange: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
        """Open a connection for one exchange: nothing is tied to an event loop or left open."""
        socket = f"/{self.admin.removeprefix('unix/').lstrip('/')}" if self.admin.startswith("unix/") else None
        transport = httpx.AsyncHTTPTransport(uds=socket, verify=trust_for("http://"))
        base_url = "http://localhost" if socket else self.admin
        async with httpx.AsyncClient(transport=transport, base_url=base_url, timeout=15) as client:
            return await exchange(client)


def _checked(response: httpx.Response) -> httpx.Response:
    """Pass a good answer; Caddy's refusals are ours to mend and carry its own words."""
    if response.status_code == 412:
        raise _ConfigChangedError
    if response.is_error:
        request = response.request
        raise Broken(
            f"Caddy refused {request.method} {request.url.path} ({response.status_code}): {response.text.strip()[:500]}"
        )
    return response


async def _folder(client: httpx.AsyncClient) -> str:
    storage = _checked(await client.get("/config/storage")).json() or {}
    if not str(storage.get("root", "")).startswith("/"):
        raise Broken("Caddy's configuration names no absolute storage folder: start it with Slipway's Caddyfile")
    return f"{storage['root']}/{FOLDER}"


def _port(address: str) -> str:
    return address.rpartition(":")[2]
