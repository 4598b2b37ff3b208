"""Caddy through its admin API (https://caddyserver.com/docs/api).

The configuration says which host names a project has; which copy answers them stands in a small file that Caddy reads at
each request. The files lie in Caddy's own storage folder, as its configuration names it.
"""

import asyncio
import os
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prefect.blocks.core import Block
from pydantic import Field

from domain.errors import Broken, ServiceUnreachable, TryAgain
from domain.routes import Route, caddy_route, route_id, upstream_file

T = TypeVar("T")

_PREFIX = route_id("")
_SERVERS = "/config/apps/http/servers"
_NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The admin API is plain HTTP: without this httpx would load all root certificates for every client."""


class _ConfigChangedError(Exception):
    """Another process changed Caddy's configuration since it was read (412)."""


class Caddy(Block):
    """The web server in front of all apps. Routes that are not Slipway's are left alone."""

    _block_type_slug = "slipway-caddy"
    _block_type_name = "Slipway Caddy"

    admin: str = Field(description="Caddy's admin address: unix//path/admin.sock or http://127.0.0.1:2019")
    listen: str = Field(description="Address of the HTTP server as in Caddy's configuration, like :8080")

    async def set_route(self, route: Route) -> None:
        """Point the hosts at the upstream: the file at once, the configuration only when its part is not there yet."""

        async def exchange(client: httpx.AsyncClient) -> None:
            folder = await _folder(client)
            await _write(route, folder)
            await self._ensure(client, caddy_route(route, folder))

        await self._answered(f"setting the route of {route.project}", exchange)

    async def remove_route(self, project: str) -> None:
        async def exchange(client: httpx.AsyncClient) -> None:
            response = await client.delete(f"/id/{route_id(project)}")
            if response.status_code != 404:
                _checked(response)
            await asyncio.to_thread(Path(upstream_file(project, await _folder(client))).unlink, missing_ok=True)

        await self._answered(f"removing the route of {project}", exchange)

    async def routes(self) -> Sequence[Route]:
        async def exchange(client: httpx.AsyncClient) -> Sequence[Route]:
            _, found, _ = await self._server(client)
            folder = await _folder(client)
            return [await _route(entry, folder) for entry in found if _is_ours(entry)]

        return await self._answered("reading the routes", exchange)

    async def replace_routes(self, routes: Sequence[Route]) -> None:
        """Make exactly these Slipway's routes; foreign ones stay behind them. An equal configuration is not loaded again."""

        async def exchange(client: httpx.AsyncClient) -> None:
            folder = await _folder(client)
            for route in routes:
                await _write(route, folder)
            await self._replace(client, [caddy_route(route, folder) for route in routes])

        await self._answered("replacing the routes", exchange)

    async def in_flight(self, upstream: str) -> int:
        async def exchange(client: httpx.AsyncClient) -> int:
            entries = _checked(await client.get("/reverse_proxy/upstreams")).json()
            return max((int(entry["num_requests"]) for entry in entries if entry["address"] == upstream), default=0)

        return await self._answered("counting the requests in flight", exchange)

    async def _ensure(self, client: httpx.AsyncClient, wanted: dict[str, Any]) -> None:
        server, found, etag = await self._server(client)
        same_id = [index for index, entry in enumerate(found) if entry.get("@id") == wanted["@id"]]
        if not same_id:
            _checked(await client.put(f"{server}/routes/0", json=wanted, headers={"If-Match": etag}))
        elif found[same_id[0]] != wanted:
            _checked(await client.patch(f"{server}/routes/{same_id[0]}", json=wanted, headers={"If-Match": etag}))

    async def _replace(self, client: httpx.AsyncClient, wanted: list[dict[str, Any]]) -> None:
        server, found, etag = await self._server(client)
        foreign = [entry for entry in found if not _is_ours(entry)]
        _checked(await client.patch(f"{server}/routes", json=[*wanted, *foreign], headers={"If-Match": etag}))

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
        transport = httpx.AsyncHTTPTransport(uds=socket, verify=_NO_TRUST)
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
    return f"{storage['root']}/slipway-upstreams"


async def _write(route: Route, folder: str) -> None:
    await asyncio.to_thread(_replace_file, Path(upstream_file(route.project, folder)), route.upstream)


def _replace_file(path: Path, text: str) -> None:
    """Put the text there in one step: a reader sees the old or the new, whatever is killed."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.replace(name, path)


async def _route(entry: dict[str, Any], folder: str) -> Route:
    """Read one of ours back; the upstream is empty when its file is lost, so that it differs from the registry's."""
    project = entry["@id"].removeprefix(_PREFIX)
    hosts = tuple(host for match in entry.get("match", ()) for host in match.get("host", ()))
    path = Path(upstream_file(project, folder))
    return Route(project=project, hosts=hosts, upstream=await asyncio.to_thread(_text, path))


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _is_ours(entry: dict[str, Any]) -> bool:
    return str(entry.get("@id", "")).startswith(_PREFIX)


def _port(address: str) -> str:
    return address.rpartition(":")[2]
