"""Routes: which host name goes to which running copy, and the Caddy configuration that says so."""

from collections.abc import Sequence
from typing import Any, Protocol

from domain.values import Value


class Route(Value):
    """One project's way in."""

    project: str
    hosts: tuple[str, ...]
    upstream: str
    """`host:port` of the live release."""


def route_id(project: str) -> str:
    return f"slipway-{project}"


class Proxy(Protocol):
    """The web server in front of all apps. Its routes are derived state: the registry is the truth."""

    async def set_route(self, route: Route) -> None:
        """Create or replace the project's route in one step; requests in flight finish on the old one."""
        ...

    async def remove_route(self, project: str) -> None:
        """Delete the project's route; nothing happens when there is none."""
        ...

    async def routes(self) -> Sequence[Route]:
        """Return Slipway's routes as the server has them now."""
        ...

    async def replace_routes(self, routes: Sequence[Route]) -> None:
        """Make exactly these the project routes, in one step."""
        ...

    async def in_flight(self, upstream: str) -> int:
        """Return how many requests `upstream` is answering now; 0 when it is not known."""
        ...


def caddy_route(route: Route, folder: str) -> dict[str, Any]:
    """Return the route as Caddy's JSON (https://caddyserver.com/docs/json/apps/http/servers/routes/).

    Where to dial is not in it: Caddy reads that from the project's file in `folder` at each request. A release is
    switched by replacing the file, since loading a configuration drops requests (measured in docs/caddy.md).
    Caddy repeats a request only when it could not connect, or when it is a GET.
    """
    return {
        "@id": route_id(route.project),
        "match": [{"host": list(route.hosts)}],
        "handle": [
            {
                "handler": "reverse_proxy",
                "upstreams": [{"dial": f"{{file.{upstream_file(route.project, folder)}}}"}],
                "flush_interval": -1,
                "load_balancing": {"retries": 4, "try_duration": "2s", "try_interval": "500ms"},
            }
        ],
        "terminal": True,
    }


def upstream_file(project: str, folder: str) -> str:
    """Return where the `host:port` of the project's live release stands."""
    return f"{folder}/{project}"
