import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.caddy import Caddy
from blocks.plain_http import plain_client
from domain.errors import Broken, LeaseLost, ServiceUnreachable
from domain.routes import Proxy, Route, holds_apps
from tests.blocks.services import FOREIGN, CaddyServer, adapted, caddy_environment, caddy_server


@dataclass
class Upstream:
    """A small HTTP server that answers with its name; /slow is answered once `go` is set."""

    name: str
    address: str = ""
    waiting: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if b" /slow " in head:
                    self.waiting += 1
                    await self.go.wait()
                body = self.name.encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def upstream(name: str) -> AsyncIterator[Upstream]:
    made = Upstream(name)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    made.address = f"{host}:{port}"
    try:
        yield made
    finally:
        server.close()


@pytest.fixture(scope="module")
def server() -> Iterator[CaddyServer]:
    with caddy_server() as running:
        yield running


@pytest.fixture
async def caddy(server: CaddyServer) -> AsyncIterator[Proxy]:
    block = Caddy(admin=server.admin, listen=server.listen)
    yield block
    for left in await block.routes():
        await block.remove_route(left.project)


@pytest.fixture
async def browser(server: CaddyServer) -> AsyncIterator[httpx.AsyncClient]:
    async with plain_client(base_url=server.url, headers={"Host": "notes.localhost"}, timeout=60) as client:
        yield client


async def configuration(server: CaddyServer) -> tuple[str, str]:
    """The configuration as it is, and its Etag."""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=server.admin.removeprefix("unix/"))) as client:
        answer = await client.get("http://localhost/config/apps")
        return answer.text, answer.headers["Etag"]


def route(address: str, project: str = "notes") -> Route:
    return Route(project=project, hosts=(f"{project}.localhost",), upstream=address)


async def test_host_without_a_project_is_answered_by_the_fallback(server: CaddyServer, browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/", headers={"Host": "nobody.localhost"})
    assert (answer.status_code, answer.text.count("\n")) == (404, 1)
    assert "nobody.localhost: `slipway status`" in answer.text
    line = json.loads(server.log.read_text().splitlines()[-1])
    assert (line["request"]["host"], line["status"]) == ("nobody.localhost", 404)


async def test_route_is_set_switched_and_removed(caddy: Proxy, browser: httpx.AsyncClient) -> None:
    async with upstream("old") as old, upstream("new") as new:
        await caddy.set_route(route(old.address), 1)
        assert (await browser.get("/")).text == "old"
        await caddy.set_route(route(new.address), 1)
        await caddy.set_route(route(new.address), 1)
        assert (await browser.get("/")).text == "new"
        assert await caddy.routes() == [route(new.address)]
        await caddy.remove_route("notes")
        await caddy.remove_route("notes")
        assert (await browser.get("/")).status_code == 404
        assert await caddy.routes() == []


async def test_routes_are_told_as_they_were_set_last_and_by_the_highest_fence(caddy: Proxy) -> None:
    first, second = route("127.0.0.1:1", "told-1"), route("127.0.0.1:2", "told-2")
    for each in (first, second, second):
        await caddy.set_route(each, 1)
    moved = Route(project="told-1", hosts=("other.localhost",), upstream="127.0.0.1:3")
    await caddy.set_route(moved, 2)
    assert sorted(await caddy.routes(), key=lambda found: found.project) == [moved, second]
    await caddy.remove_route("told-2", 5)
    await caddy.remove_route("told-2", 5)
    for late in (caddy.set_route(first, 1), caddy.remove_route("told-1", 1), caddy.set_route(second, 4)):
        with pytest.raises(LeaseLost):
            await late
    assert list(await caddy.routes()) == [moved]


async def test_new_hosts_replace_the_old_ones(caddy: Proxy, browser: httpx.AsyncClient) -> None:
    async with upstream("app") as app:
        await caddy.set_route(route(app.address), 1)
        await caddy.set_route(Route(project="notes", hosts=("other.localhost",), upstream=app.address), 1)
        assert (await browser.get("/")).status_code == 404
        assert (await browser.get("/", headers={"Host": "other.localhost"})).text == "app"


async def test_in_flight_counts_until_the_old_one_has_answered(caddy: Proxy, browser: httpx.AsyncClient) -> None:
    async with upstream("old") as old, upstream("new") as new:
        await caddy.set_route(route(old.address), 1)
        slow = [asyncio.create_task(browser.get("/slow")) for _ in range(3)]
        await until(lambda: old.waiting == 3)
        assert await caddy.in_flight(old.address) == 3
        await caddy.set_route(route(new.address), 1)
        assert (await browser.get("/")).text == "new"
        assert await caddy.in_flight(old.address) == 3
        old.go.set()
        assert [(await task).text for task in slow] == ["old"] * 3
        assert await caddy.in_flight(old.address) == 0
        assert await caddy.in_flight("127.0.0.1:1") == 0


async def test_no_request_is_lost_while_releases_are_switched_and_projects_come_and_go(
    caddy: Proxy, browser: httpx.AsyncClient
) -> None:
    async with upstream("old") as old, upstream("new") as new:
        await caddy.set_route(route(old.address), 1)
        switched = asyncio.Event()

        async def visit() -> list[str]:
            answers = []
            while not switched.is_set():
                answers.append((await browser.post("/")).text)
            return answers

        visitors = [asyncio.create_task(visit()) for _ in range(4)]
        for turn in range(20):
            await caddy.set_route(route((new, old)[turn % 2].address), 1)
            await caddy.set_route(route(old.address, f"other-{turn}"), 1)
            await caddy.remove_route(f"other-{turn - 1}")
        switched.set()
        answers = [answer for visitor in visitors for answer in await visitor]
    assert set(answers) == {"old", "new"}


async def test_many_processes_at_once_make_one_route_each(caddy: Proxy, server: CaddyServer) -> None:
    names = ("one", "two")
    await asyncio.gather(
        *(Caddy(admin=server.admin, listen=server.listen).set_route(route("127.0.0.1:9", n), 1) for n in names)
    )
    assert sorted(found.project for found in await caddy.routes()) == ["one", "two"]


async def test_route_that_was_changed_with_a_higher_fence_is_not_changed_with_a_lower_one(
    caddy: Proxy, browser: httpx.AsyncClient
) -> None:
    host = {"Host": "fenced.localhost"}
    async with upstream("new") as new:
        await caddy.set_route(route("127.0.0.1:9", "fenced"), 7)
        await caddy.set_route(route(new.address, "fenced"), 8)
        for late in (caddy.set_route(route("127.0.0.1:9", "fenced"), 7), caddy.remove_route("fenced", 7)):
            with pytest.raises(LeaseLost):
                await late
        assert (await browser.get("/", headers=host)).text == "new"
        await caddy.remove_route("fenced", 9)
        with pytest.raises(LeaseLost):
            await caddy.set_route(route(new.address, "fenced"), 8)
        assert (await browser.get("/", headers=host)).status_code == 404
        await caddy.set_route(route(new.address, "other"), 1)


async def test_nothing_of_a_route_needs_a_new_configuration(caddy: Proxy, server: CaddyServer) -> None:
    before = await configuration(server)
    await caddy.set_route(route("127.0.0.1:9"), 1)
    await caddy.set_route(Route(project="notes", hosts=("notes.localhost", "notes.example.org"), upstream="127.0.0.1:8"), 1)
    await caddy.prepare()
    await caddy.remove_route("notes")
    assert await configuration(server) == before


async def test_upstream_file_that_was_lost_shows_and_is_mended(caddy: Proxy, server: CaddyServer) -> None:
    await caddy.set_route(route("127.0.0.1:9"), 1)
    (server.log.parent / "storage" / "slipway-routes" / "projects" / "notes" / "127.0.0.1:9").unlink()
    assert await caddy.routes() == [route("")]
    await caddy.set_route(route("127.0.0.1:9"), 1)
    assert await caddy.routes() == [route("127.0.0.1:9")]


async def test_host_has_no_case(caddy: Proxy, browser: httpx.AsyncClient) -> None:
    async with upstream("app") as app:
        await caddy.set_route(route(app.address), 1)
        assert (await browser.get("/", headers={"Host": "NOTES.LocalHost:8080"})).text == "app"


@pytest.mark.parametrize("host", ["..", ".", "*", "notes.localhost.", "..:80", "[::1]", "n?tes.localhost", "%2e%2e", "a b"])
async def test_host_that_is_no_name_finds_no_file(host: str, caddy: Proxy, browser: httpx.AsyncClient) -> None:
    async with upstream("app") as app:
        await caddy.set_route(route(app.address), 1)
        assert (await browser.get("/", headers={"Host": host})).status_code in (400, 404)


async def test_route_without_a_copy_is_answered_by_the_fallback(caddy: Proxy, browser: httpx.AsyncClient) -> None:
    await caddy.set_route(route(""), 1)
    assert (await browser.get("/")).status_code == 404


async def test_caddy_that_was_killed_serves_again_before_anybody_looks(browser: httpx.AsyncClient) -> None:
    async with upstream("app") as app:
        with caddy_server() as first:
            await Caddy(admin=first.admin, listen=first.listen).set_route(route(app.address), 1)
            first.process.kill()
            first.process.wait()
            with first.again() as second:
                assert (await browser.get(f"{second.url}/")).text == "app"


async def test_caddy_that_lost_its_configuration_and_its_files_serves_all_apps_after_one_repair() -> None:
    """A Caddy of somebody else's, with a server on our port and nothing of ours in it."""
    async with upstream("one") as one, upstream("two") as two, httpx.AsyncClient() as client:
        wanted = [route(one.address, "one"), route(two.address, "two")]
        for _ in range(2):
            with caddy_server(FOREIGN) as foreign:
                caddy = Caddy(admin=foreign.admin, listen=foreign.listen)
                assert await caddy.routes() == []
                assert (await client.get(foreign.url, headers={"Host": "one.localhost"})).text == "foreign"
                for one_of_them in wanted:
                    await caddy.set_route(one_of_them, 1)
                assert await caddy.routes() == wanted
                for project in ("one", "two"):
                    answer = await client.get(foreign.url, headers={"Host": f"{project}.LOCALHOST"})
                    assert answer.text == project
                assert (await client.get(foreign.url, headers={"Host": "x.localhost"})).text == "foreign"


async def test_refusal_carries_caddys_own_words() -> None:
    with caddy_server(FOREIGN) as foreign:
        caddy = Caddy(admin=foreign.admin, listen=foreign.listen)
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=foreign.admin.removeprefix("unix/"))) as admin:
            await admin.put("http://localhost/config/apps/http/servers/srv0/routes/0", json={"@id": "slipway"})
        with pytest.raises(Broken, match=r"Caddy refused PUT .*duplicate ID"):
            await caddy.set_route(route("127.0.0.1:9"), 1)


async def test_server_on_another_port_is_not_taken(server: CaddyServer) -> None:
    with pytest.raises(Broken, match="no HTTP server on :1:"):
        await Caddy(admin=server.admin, listen=":1").set_route(route("127.0.0.1:9"), 1)


async def test_dead_caddy_is_unreachable() -> None:
    for admin in ("unix//tmp/slipway-no-such.sock", "http://127.0.0.1:1"):
        with pytest.raises(ServiceUnreachable, match="Caddy did not answer while setting the route of notes"):
            await Caddy(admin=admin, listen=":1").set_route(route("127.0.0.1:9"), 1)


def test_caddyfile_is_valid_and_binds_what_it_is_told() -> None:
    config: Any = adapted(caddy_environment(Path("/tmp/sw"), 8080))
    (server,) = config["apps"]["http"]["servers"].values()
    assert server["listen"] == ["127.0.0.1:8080"]
    assert server["automatic_https"] == {"disable": True}
    assert config["admin"] == {"listen": "unix//tmp/sw/a.sock", "config": {"persist": False}}
    assert holds_apps(server["routes"], "/tmp/sw/storage/slipway-routes")
    assert config["storage"] == {"module": "file_system", "root": "/tmp/sw/storage"}


def test_caddyfile_without_a_bind_address_listens_everywhere() -> None:
    config: Any = adapted(caddy_environment(Path("/tmp/sw"), 8080) | {"SLIPWAY_HTTP_BIND": ""})
    (server,) = config["apps"]["http"]["servers"].values()
    assert server["listen"] == [":8080"]


async def until(true: Any) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  the upstream runs on this same loop
            await asyncio.sleep(0)
