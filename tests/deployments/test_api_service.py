"""The API as a service of `slipway up`, and on a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from deployments.api.application import application
from deployments.api.serving import proxy_before, serve, server_of, until_ended
from deployments.checks.preflight import api_port
from deployments.data_folder import DataFolder
from deployments.settings import load_settings
from deployments.supervision.services import last_services
from deployments.wiring import Wiring
from domain.errors import BadInput
from domain.limits import GUESSES
from domain.runs import RunState
from tests.deployments.api_bench import Api, api_in

pytestmark = pytest.mark.usefixtures("no_settings")


@asynccontextmanager
async def served(api: Api, proxy: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the bench's application on loopback, as the process does."""
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = server_of(application(api.house, lambda: api.now), proxy)
        serving = asyncio.create_task(until_ended(server, listener, None, stop))
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=60) as client:
                yield client
        finally:
            stop.set()
            await serving


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        yield bench


def wired(folder: Path, **chosen: object) -> Wiring:
    settings, data = load_settings(**chosen), DataFolder(folder)
    data.prepare()
    ports = {"http_port": 1, "prefect_port": 2, "replay_port": 0}
    return Wiring(settings=settings, folder=data, engine="process", api_port=api_port(settings, data), **ports)


def test_api_is_off_until_it_is_given_a_port_and_keeps_a_free_one(tmp_path: Path) -> None:
    off, on = wired(tmp_path / "home"), wired(tmp_path / "home", api_port=0)
    assert [service.name for service in last_services(off, bot=False)] == ["runner"]
    [_, service] = last_services(on, bot=False)
    assert (service.name, service.argv[3:5]) == ("api", ("api", str(on.api_port)))
    assert on.api_url == f"http://127.0.0.1:{on.api_port}"
    assert wired(tmp_path / "home", api_port=0).api_port == on.api_port
    with pytest.raises(BadInput, match=r"SLIPWAY_API_BIND: 192\.0\.2\.1 is no address of this machine"):
        wired(tmp_path / "home", api_port=0, api_bind="192.0.2.1")


@pytest.mark.parametrize(
    ("chosen", "proxy"),
    [
        ({}, "127.0.0.1"),
        ({"api_bind": "0.0.0.0"}, "127.0.0.1"),
        ({"api_bind": "192.0.2.1"}, "192.0.2.1"),
        ({"api_proxy": "192.0.2.7"}, "192.0.2.7"),
        ({"caddy_admin": "http://127.0.0.1:2019"}, None),
    ],
)
def test_own_caddy_is_believed_from_where_it_comes(chosen: dict[str, str], proxy: str | None) -> None:
    assert proxy_before(load_settings(**chosen)) == proxy


async def test_api_without_a_port_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="set SLIPWAY_API_PORT"):
        await serve(load_settings(home=tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"cannot listen on 127.0.0.1:{port}"):
            await serve(load_settings(home=tmp_path), port)
        with pytest.raises(BadInput, match=f"port {port} is in use"):
            await serve(load_settings(home=tmp_path, api_port=port))


async def test_progress_comes_while_the_run_goes_on(api: Api) -> None:
    run, key = await api.project("notes"), await api.key()
    headers = {"Authorization": f"Bearer {key}"}
    async with asyncio.timeout(60), served(api) as client:
        async with client.stream("GET", f"/v1/runs/{run}/events", headers=headers) as followed:
            assert "server" not in followed.headers
            lines = followed.aiter_lines()
            for step in ("plan", "develop"):
                await api.desk.go_on(run, step)
                while f'"text":"{step} begins"' not in await anext(lines):
                    pass
            await api.desk.end(run, RunState.DELIVERED, "it is online")
            rest = [line async for line in lines]
        assert "event: ended" in rest


async def test_address_that_a_caller_claims_is_not_believed(api: Api) -> None:
    async with served(api) as client:
        answered = []
        for number in range(GUESSES + 1):
            claimed = {"X-Forwarded-For": f"10.0.0.{number}", "Forwarded": f"for=10.0.0.{number}"}
            wrong = {"Authorization": f"Bearer slipway_{number:012x}_{'a' * 43}"}
            answered.append((await client.get("/v1/me", headers={**claimed, **wrong})).status_code)
    assert answered == [401] * GUESSES + [429]


async def test_proxy_that_was_named_is_believed_its_own_part_alone(api: Api) -> None:
    async with served(api, "127.0.0.1") as client:
        for number in range(GUESSES):
            claimed = {"X-Forwarded-For": f"10.0.0.{number}, 192.0.2.1"}  # the left part is what the caller sent
            wrong = {"Authorization": f"Bearer slipway_{number:012x}_{'a' * 43}"}
            assert (await client.get("/v1/me", headers={**claimed, **wrong})).status_code == 401
        wrong = {"Authorization": f"Bearer slipway_{GUESSES:012x}_{'a' * 43}"}
        again = [
            (await client.get("/v1/me", headers={"X-Forwarded-For": f"10.0.0.9, {address}", **wrong})).status_code
            for address in ("192.0.2.1", "192.0.2.2")
        ]
    assert again == [429, 401]


async def test_what_is_no_http_is_cut_off_and_the_rest_is_answered(api: Api) -> None:
    async with served(api) as client:
        host, port = client.base_url.host, client.base_url.port
        for sent in (b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /v1/me HTTP/1.1\r\nA: " + b"x" * 200_000):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(sent)
            said = b""
            with suppress(ConnectionError):  # it may be gone before all was sent
                async with asyncio.timeout(60):
                    said = await reader.read(4096)
            writer.close()
            assert said == b"" or said.startswith(b"HTTP/1.1 4")
        assert (await client.get("/health")).status_code == 200
