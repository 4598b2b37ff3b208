"""Certificates: a real Caddy that serves by HTTPS, and for ACME a second one as the authority."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from blocks.caddy import Caddy
from domain.routes import Route
from tests.blocks.services import (
    CaddyServer,
    acme_authority,
    adapted,
    caddy_environment,
    caddy_server,
    free_port,
    tls_environment,
)
from tests.blocks.test_caddy import upstream

KNOWN = "notes.example.test"


@pytest.fixture(scope="module")
def internal() -> Iterator[CaddyServer]:
    with caddy_server(**tls_environment("internal")) as running:
        yield running


@pytest.fixture(scope="module")
def acme() -> Iterator[tuple[CaddyServer, CaddyServer]]:
    """The server with the apps, and the authority that certifies them."""
    port = free_port()
    with acme_authority(f"http://127.0.0.1:{port}") as authority:
        directory = f"https://localhost{authority.listen}/acme/local/directory"
        lines = f"dir `{directory}`\ntrusted_roots `{authority.root_certificate}`\nemail `me@example.test`"
        with caddy_server(**tls_environment("auto", lines), SLIPWAY_CADDY_HTTP=str(port)) as running:
            yield running, authority


@asynccontextmanager
async def served(server: CaddyServer, *hosts: str) -> AsyncIterator[None]:
    """Serve an app at the hosts, as long as the block goes on."""
    caddy = Caddy(admin=server.admin, listen=server.listen)
    async with upstream("app") as app:
        await caddy.set_route(Route(project="notes", hosts=hosts, upstream=app.address), 1)
        try:
            yield
        finally:
            await caddy.remove_route("notes")


async def visit(server: CaddyServer, host: str, authority: CaddyServer) -> httpx.Response:
    """Ask as a browser would that trusts this authority and nobody else."""
    trust = ssl.create_default_context(cafile=str(authority.root_certificate))
    async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=60) as client:
        headers = {"Host": f"{host}{server.listen}"}
        return await client.get(server.url, headers=headers, extensions={"sni_hostname": host})


def certified(server: CaddyServer) -> set[str]:
    """Return the names for which it holds a certificate."""
    return {path.stem for path in (server.storage / "certificates").rglob("*.crt")}


async def test_own_authority_certifies_each_name_that_leads_to_an_app(internal: CaddyServer) -> None:
    async with served(internal, "notes.localhost", KNOWN):
        for host in ("notes.localhost", KNOWN):
            assert (await visit(internal, host, internal)).text == "app"


async def test_acme_certifies_names_that_lead_to_an_app_and_no_stranger(acme: tuple[CaddyServer, CaddyServer]) -> None:
    server, authority = acme
    async with served(server, KNOWN):
        assert (await visit(server, KNOWN, authority)).text == "app"
        for host in ("stranger.example.test", "example.test", f"www.{KNOWN}", "localhost"):
            with pytest.raises(httpx.ConnectError, match="internal error"):
                await visit(server, host, authority)
    assert certified(server) == {KNOWN}


async def test_domain_that_is_added_is_certified_without_a_new_configuration(acme: tuple[CaddyServer, CaddyServer]) -> None:
    server, authority = acme
    async with served(server, KNOWN):
        with pytest.raises(httpx.ConnectError):
            await visit(server, "www.example.test", authority)
        async with served(server, KNOWN, "www.example.test"):
            assert (await visit(server, "www.example.test", authority)).text == "app"


async def test_restarted_caddy_shows_the_certificates_it_has_for_names_that_are_still_known() -> None:
    async with upstream("app") as app:
        with caddy_server(**tls_environment("internal")) as first:
            caddy = Caddy(admin=first.admin, listen=first.listen)
            await caddy.set_route(Route(project="notes", hosts=(KNOWN,), upstream=app.address), 1)
            assert (await visit(first, KNOWN, first)).text == "app"
            kill(first)
            with first.again() as second:
                assert (await visit(second, KNOWN, second)).text == "app"
                await caddy.remove_route("notes")
                kill(second)
                with second.again() as third:
                    assert certified(third) == {KNOWN}
                    with pytest.raises(httpx.ConnectError):
                        await visit(third, KNOWN, third)


def kill(server: CaddyServer) -> None:
    server.process.kill()
    server.process.wait()


@pytest.mark.parametrize("path", ["/", "/a/b?c=d&e=%20"])
async def test_plain_http_leads_to_https(path: str, internal: CaddyServer) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{internal.plain_url}{path}", headers={"Host": f"{KNOWN}:80"})
    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{KNOWN}{internal.listen}{path}")


@pytest.mark.parametrize(
    "name", ["", "..", ".", "*", "stranger.test", "notes.example.test/..", "a/../notes.example.test", "%2e%2e"]
)
async def test_question_after_a_name_that_leads_nowhere_is_answered_no(name: str, internal: CaddyServer) -> None:
    async with served(internal, KNOWN), httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(internal.ask_url, params={"domain": KNOWN})).status_code == 200
        assert (await client.get(internal.ask_url, params={"domain": name})).status_code == 404
        assert (await client.get(internal.ask_url)).status_code == 404


def test_question_is_answered_on_loopback_only(internal: CaddyServer) -> None:
    port = internal.environment["SLIPWAY_CADDY_ASK"]
    assert [
        c.laddr.ip
        for c in psutil.Process(internal.process.pid).net_connections("tcp")
        if str(c.laddr.port) == port and c.status == "LISTEN"
    ] == ["127.0.0.1"]


def test_caddyfile_binds_everywhere_with_tls_but_for_the_question() -> None:
    environment = caddy_environment(Path("/tmp/sw"), 8080) | tls_environment("internal") | {"SLIPWAY_HTTP_BIND": ""}
    config: Any = adapted(environment)
    listened = sorted(address for server in config["apps"]["http"]["servers"].values() for address in server["listen"])
    assert listened == sorted(
        [f"127.0.0.1:{environment['SLIPWAY_CADDY_ASK']}", ":8080", f":{environment['SLIPWAY_CADDY_HTTPS']}"]
    )
