"""Slipway's own pages behind Caddy: the API, and Prefect to which the API says who may come."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from blocks.caddy import Caddy
from blocks.installation import Installation
from deployments.api.prefect_door import is_from_elsewhere
from deployments.data_folder import DataFolder
from deployments.settings import load_settings
from deployments.supervision.caddy_service import UI_SETTINGS, prefect_door
from deployments.wiring import Wiring
from tasks.reconciler import reconcile_routes
from tests.blocks.services import caddy_server
from tests.deployments.api_bench import ANN, OPERATOR, READ, WRITE, Api, api_in
from tests.deployments.test_api_service import served
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups

pytestmark = pytest.mark.usefixtures("no_settings")


@dataclass
class Prefect:
    """What stands for the Prefect server: it tells what it was sent."""

    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nprefect")
        writer.close()


def wired(home: Path, api_port: int, prefect_port: int, **chosen: object) -> Wiring:
    folder = DataFolder(home)
    folder.prepare()
    settings = load_settings(home=home, **chosen)
    ports = {"http_port": 1, "replay_port": 0, "api_port": api_port, "prefect_port": prefect_port}
    return Wiring(settings=settings, folder=folder, engine="process", **ports)


def place(wiring: Wiring) -> Installation:
    return Installation(home="/h", engine="process", model="m", doors=wiring.doors)


@dataclass
class Street:
    """Caddy with Slipway's own pages behind it."""

    api: Api
    prefect: Prefect
    wiring: Wiring
    browser: httpx.AsyncClient
    dumped: str

    async def come(self, key: str = "", path: str = "/api/flows", method: str = "POST", **headers: str) -> httpx.Response:
        """Ask Prefect as a browser does whose person typed the key as password."""
        shown = base64.b64encode(f"me:{key}".encode()).decode()
        login = {"Authorization": f"Basic {shown}"} if key else {}
        return await self.browser.request(method, path, headers={"Host": "prefect.localhost", **login, **headers})


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    prefect = Prefect()
    server = await asyncio.start_server(prefect.serve, "127.0.0.1", 0)
    async with api_in(tmp_path) as api, served(api, "127.0.0.1") as client, server:
        wiring = wired(tmp_path / "home", client.base_url.port or 0, server.sockets[0].getsockname()[1])
        with caddy_server(**prefect_door(wiring)) as running:
            caddy = Caddy(admin=running.admin, listen=running.listen)
            await reconcile_routes(api.registry, FakeEngine(), caddy, MemoryWakeups(), place(wiring).own_routes)
            assert {route.project for route in await caddy.routes()} == {"api", "prefect", "slipway"}
            transport = httpx.AsyncHTTPTransport(uds=running.admin.removeprefix("unix/"))
            async with httpx.AsyncClient(transport=transport) as admin:
                dumped = (await admin.get("http://localhost/config/")).text
            async with httpx.AsyncClient(base_url=running.url, timeout=60) as browser:
                yield Street(api, prefect, wiring, browser, dumped)


async def test_api_answers_at_a_host_of_its_own(street: Street) -> None:
    headers = {"Authorization": f"Bearer {await street.api.key()}"}
    for host in ("api.localhost", "slipway.localhost"):
        answered = await street.browser.get("/v1/me", headers={**headers, "Host": host})
        assert answered.json()["owner"] == ANN


async def test_operators_come_to_prefect_and_nobody_else_does(street: Street) -> None:
    api = street.api
    keys = [await api.key(ANN, READ, WRITE), await api.key("local:op", OPERATOR), f"slipway_{'0' * 12}_{'a' * 43}"]
    assert [(await street.come(key)).status_code for key in keys] == [403, 403, 401]
    asked = await street.come(path="/", method="GET")
    assert (asked.status_code, asked.headers["WWW-Authenticate"].partition("=")[0]) == (401, "Basic realm")
    broken = await street.come(Authorization="Basic ?")
    assert broken.status_code == 401
    assert street.prefect.asked == []
    operator = await api.key("local:op", OPERATOR, WRITE)
    assert (await street.come(operator)).text == "prefect"
    login = base64.b64encode(street.wiring.folder.prefect_auth.encode()).decode()
    [head] = street.prefect.asked
    assert f"authorization: basic {login}".lower() in head.lower()
    assert operator not in head
    assert login not in street.dumped
    assert (await street.come(operator, Origin="http://prefect.localhost")).status_code == 200
    assert (await street.come(operator, Origin="http://evil.localhost")).status_code == 403
    shown = await street.come(operator, "/ui-settings", "GET")
    assert shown.json() == UI_SETTINGS


@pytest.mark.parametrize(
    ("origin", "host", "is_so"),
    [
        (None, "prefect.example.org", False),
        ("https://prefect.example.org", "prefect.example.org", False),
        ("http://prefect.localhost:8080", "prefect.localhost:8080", False),
        ("https://app.example.org", "prefect.example.org", True),
        ("null", "prefect.example.org", True),
        ("", "", False),
        ("https://prefect.example.org", "", True),
    ],
)
def test_page_of_another_origin_is_known(origin: str | None, host: str, *, is_so: bool) -> None:
    assert is_from_elsewhere(origin, host) is is_so


async def test_routes_of_pages_are_made_again_and_go_when_they_are_not_wanted(tmp_path: Path) -> None:
    wiring, proxy = wired(tmp_path / "home", 5, 6), MemoryProxy()
    async with api_in(tmp_path) as api:
        for own in (place(wiring).own_routes, ()):
            await reconcile_routes(api.registry, FakeEngine(), proxy, MemoryWakeups(), own)
            assert {route.project for route in proxy.held.values()} == {route.project for route in own}


@pytest.mark.parametrize(
    ("api_port", "chosen", "labels"),
    [
        (5, {}, {"api", "slipway", "prefect"}),
        (0, {}, set()),
        (5, {"caddy_admin": "http://127.0.0.1:2019"}, {"api", "slipway"}),
        (5, {"api_bind": "192.0.2.1"}, {"api", "slipway"}),
        (5, {"prefect_api_url": "https://prefect.example.org/api"}, {"api", "slipway"}),
    ],
)
def test_prefect_is_reached_where_its_server_and_caddy_are_ours(
    tmp_path: Path, api_port: int, chosen: dict[str, str], labels: set[str]
) -> None:
    wiring = wired(tmp_path / "home", api_port, 0 if "prefect_api_url" in chosen else 6, **chosen)
    assert set(wiring.doors) == labels
    assert bool(prefect_door(wiring)) is ("prefect" in labels)
    assert json.dumps(UI_SETTINGS).count("`") == 0
