"""Routes: which host name goes to which running copy, and the part of Caddy's configuration that finds out."""

from collections.abc import Sequence
from string import ascii_lowercase
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, Field

from domain.hosts import HostName
from domain.values import Value


def _sorted(hosts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(hosts)))


class Route(Value):
    """One project's way in."""

    project: str
    hosts: Annotated[tuple[HostName, ...], AfterValidator(_sorted)]
    upstream: str = Field(pattern=r"^([^/]+:[0-9]+)?$", description="`host:port` of the live release; empty for none")


class Proxy(Protocol):
    """The web server in front of all apps. Its routes are derived state: the registry is the truth."""

    async def prepare(self) -> None:
        """See to it that the server looks for apps at all; nothing changes when it does."""
        ...

    async def set_route(self, route: Route, fence: int) -> None:
        """Create or replace the project's route; requests in flight finish on the old one, none is lost.

        Raises LeaseLost, and changes nothing, when the route was set or removed with a higher fence.
        """
        ...

    async def remove_route(self, project: str, fence: int | None = None) -> None:
        """Delete the project's route; nothing happens when there is none. Without a fence: of a project that is no more."""
        ...

    async def routes(self) -> Sequence[Route]:
        """Return Slipway's routes as the server has them now."""
        ...

    async def in_flight(self, upstream: str) -> int:
        """Return how many requests `upstream` is answering now; 0 when it is not known."""
        ...


def app_matcher(folder: str) -> dict[str, Any]:
    """Match a request whose host has a file named `host:port` in `<folder>/hosts/<host>/`.

    Of several names Caddy takes the first that a listing shows, without looking at it again: a file that is being
    renamed is found under its old or its new name, never not at all (measured in docs/caddy.md).
    """
    return {
        "file": {
            "root": f"{folder}/hosts/{{http.request.host}}",
            "try_files": ["/*:*"],
            "try_policy": "first_exist_fallback",
        },
        "header_regexp": {"Host": {"name": "app", "pattern": "^[a-z0-9-]+([.][a-z0-9-]+)*(:[0-9]+)?$"}},
    }


def caddy_route(folder: str) -> dict[str, Any]:
    """Return the one route of all apps as Caddy's JSON (https://caddyserver.com/docs/json/apps/http/servers/routes/).

    Which hosts there are and where to dial is not in it, since loading a configuration drops requests: Caddy looks
    into `folder` at each request. It repeats a request only when it could not connect, or when it is a GET.
    Slipway's Caddyfile says the same.
    """
    letters = [{"search_regexp": letter.upper(), "replace": letter} for letter in ascii_lowercase]
    lower_case = {
        "match": [{"header_regexp": {"Host": {"name": "shouting", "pattern": "[A-Z]"}}}],
        "handle": [{"handler": "headers", "request": {"replace": {"Host": letters}}}],
    }
    proxy = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": "tcp{http.matchers.file.relative}"}],
        "flush_interval": -1,
        "load_balancing": {"retries": 4, "try_duration": 2_000_000_000, "try_interval": 500_000_000},
    }
    which = {"handler": "log_append", "key": "upstream", "value": "{http.reverse_proxy.upstream.hostport}"}
    app = {"match": [app_matcher(folder)], "handle": [which, proxy], "terminal": True}
    return {"@id": "slipway", "handle": [{"handler": "subroute", "routes": [lower_case, app]}]}


def holds_apps(config: object, folder: str) -> bool:
    """Tell whether a part of Caddy's configuration, at any depth, looks for apps in `folder`."""
    if isinstance(config, dict):
        return config == app_matcher(folder) or any(holds_apps(value, folder) for value in config.values())
    return isinstance(config, list) and any(holds_apps(value, folder) for value in config)
