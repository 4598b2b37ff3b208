"""The egress proxy on loopback: what passes, what is refused, and what is written down about it.

Names are answered by a table and every connection to a permitted address ends at a server of the test: nothing leaves.
"""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from blocks.docker_engine.networks import WorkersNetwork
from blocks.egress_receipts import EgressReceipts
from deployments.egress.accounts import Accounts
from deployments.egress.addresses import Addresses
from deployments.egress.firewall import ruleset
from deployments.egress.proxy import EgressProxy
from deployments.egress.registries import indexes_in
from deployments.egress.service import listening
from domain.egress import Allowance, run_token
from domain.receipts import Passage
from tests.fakes.street import Street

KEY, RUN, OUTSIDE = "key", "r-1", "203.0.113.9"
PATTERNS = ("packages.example.org", "inside.example.org", "mixed.example.org", "gone.example.org", "mirror.example.org:80")
GITHUB = "git.example.org"
NAMES = {
    GITHUB: [OUTSIDE],
    "packages.example.org": [OUTSIDE],
    "mirror.example.org": [OUTSIDE],
    "inside.example.org": ["169.254.169.254"],
    "mixed.example.org": [OUTSIDE, "10.0.0.1"],
}


class Outside:
    """A server that stands for all of the outside: it keeps what it got and answers each chunk with `answer`."""

    def __init__(self, answer: bytes = b"fine", *, ends: bool = False) -> None:
        self.answer = answer
        self.ends = ends
        self.got = b""
        self.dialled: list[tuple[str, int]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                self.got += chunk
                writer.write(self.answer)
                await writer.drain()
                if self.ends:
                    break
        writer.close()

    async def connect(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.dialled.append((address, port))
        return await asyncio.open_connection("127.0.0.1", self.port)


async def resolve(host: str, port: int) -> Sequence[str]:
    if host not in NAMES:
        raise OSError("no such name")
    return NAMES[host]


class Desk:
    """A proxy with its outside and the receipts that it writes."""

    def __init__(self, folder: Path, outside: Outside, allowance: Allowance) -> None:
        self.receipts = EgressReceipts(folder)
        self.outside = outside
        accounts = Accounts(self.receipts, allowance)
        self.street = Street()
        self.street.runs["127.0.0.1"] = RUN
        addresses = Addresses(self.street)
        self.proxy = EgressProxy(
            KEY, PATTERNS, accounts, addresses, allowance.idle_seconds, resolve, outside.connect, (GITHUB,)
        )
        self.port = 0
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.proxy.serve(reader, writer)
        self.ended.set()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def asked(self, request: bytes) -> bytes:
        """Send all of it and return all that comes back, once the proxy is done with it."""
        self.ended.clear()
        reader, writer = await self.connect()
        writer.write(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        await asyncio.wait_for(self.ended.wait(), 60)
        return answer

    async def last(self, run: str = RUN) -> Passage:
        return (await self.receipts.of_run(run))[-1]


@asynccontextmanager
async def opened(folder: Path, outside: Outside, allowance: Allowance) -> AsyncIterator[Desk]:
    desk = Desk(folder, outside, allowance)
    async with (
        await asyncio.start_server(outside.serve, "127.0.0.1", 0) as server,
        await asyncio.start_server(desk.serve, "127.0.0.1", 0, limit=65536) as proxy,
    ):
        outside.port, desk.port = server.sockets[0].getsockname()[1], proxy.sockets[0].getsockname()[1]
        yield desk


def credentials(run: str = RUN, key: str = KEY, of: str | None = None, *, github: bool = False) -> bytes:
    token = f"{run}:{run_token(key, of or run, github=github)}".encode()
    return b"Proxy-Authorization: Basic " + base64.b64encode(token) + b"\r\n"


def connect(target: str, headers: bytes | None = None) -> bytes:
    return f"CONNECT {target} HTTP/1.1\r\n".encode() + (credentials() if headers is None else headers) + b"\r\n"


def hello(name: str) -> bytes:
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


async def test_a_permitted_host_is_tunnelled_to_at_the_checked_address_and_counted(tmp_path: Path) -> None:
    async with opened(tmp_path, Outside(ends=True), Allowance()) as desk:
        first = hello("packages.example.org")
        assert await desk.asked(connect("packages.example.org:443") + first) == ESTABLISHED + b"fine"
        assert (desk.outside.got, desk.outside.dialled) == (first, [(OUTSIDE, 443)])
        found = await desk.last()
        assert (found.host, found.port, found.up, found.down, found.refused) == (
            "packages.example.org", 443, len(first), 4, "",
        )  # fmt: skip


async def test_the_github_host_is_for_workers_with_the_capability_which_have_the_registries_too(tmp_path: Path) -> None:
    async with opened(tmp_path, Outside(ends=True), Allowance()) as desk:
        able = credentials(github=True)
        for host in (GITHUB, "packages.example.org"):
            assert await desk.asked(connect(f"{host}:443", able) + hello(host)) == ESTABLISHED + b"fine"
            assert ((await desk.last()).host, (await desk.last()).refused) == (host, "")
        assert (await desk.asked(connect(f"{GITHUB}:443") + hello(GITHUB))).startswith(b"HTTP/1.1 403")
        assert (await desk.last()).refused == "this host is not on the allow-list"
        for other in ("evil.example.org", f"x.{GITHUB}"):
            assert (await desk.asked(connect(f"{other}:443", able))).startswith(b"HTTP/1.1 403")
        assert len(desk.outside.dialled) == 2


async def test_a_plain_request_is_passed_once_and_answered(tmp_path: Path) -> None:
    async with opened(tmp_path, Outside(b"HTTP/1.1 200 OK\r\n\r\npackage", ends=True), Allowance()) as desk:
        request = b"GET http://mirror.example.org/x HTTP/1.1\r\n" + credentials() + b"\r\nGET http://evil/ HTTP/1.1\r\n\r\n"
        assert (await desk.asked(request)).endswith(b"package")
        assert desk.outside.got == b"GET /x HTTP/1.1\r\nHost: mirror.example.org\r\nConnection: close\r\n\r\n"
        assert desk.outside.dialled == [(OUTSIDE, 80)]


REFUSED: Mapping[str, tuple[bytes, bytes, str]] = {
    "no token": (connect("packages.example.org:443", b""), b"407", "unknown"),
    "another run's token": (connect("packages.example.org:443", credentials(of="r-2")), b"407", "unknown"),
    "an ended installation's": (connect("packages.example.org:443", credentials(key="old")), b"407", "unknown"),
    "another host": (connect("evil.example.org:443"), b"403", RUN),
    "another port": (connect("packages.example.org:22"), b"403", RUN),
    "an address": (connect("192.0.2.1:443"), b"403", RUN),
    "an address in disguise": (connect("0x7f000001:443"), b"403", RUN),
    "the whole token of another run": (connect("packages.example.org:443", credentials("r-2")), b"403", RUN),
    "metadata": (b"GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\n" + credentials() + b"\r\n", b"403", RUN),
    "IPv6": (connect("[::1]:443"), b"403", RUN),
    "localhost": (connect("localhost:443"), b"403", RUN),
    "a name that leads inside": (connect("inside.example.org:443"), b"403", RUN),
    "a name that also leads inside": (connect("mixed.example.org:443"), b"403", RUN),
    "a name without address": (connect("gone.example.org:443"), b"502", RUN),
    "another method": (b"PUT http://mirror.example.org/ HTTP/1.1\r\n" + credentials() + b"\r\n", b"405", RUN),
    "a tunnel to the plain port": (connect("mirror.example.org:80"), b"403", RUN),
    "no request to a proxy": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"400", "unknown"),
    "a request without end": (b"GET " + b"x" * 70_000, b"431", "unknown"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused_never_leaves_and_is_written_down(tmp_path: Path, case: str) -> None:
    request, status, run = REFUSED[case]
    async with opened(tmp_path, Outside(), Allowance()) as desk:
        answer = await desk.asked(request)
        assert answer.startswith(b"HTTP/1.1 " + status) or (case == "a request without end" and not answer)
        assert desk.outside.dialled == []
        found = await desk.last(run)
        assert found.refused
        assert (found.up, found.down) == (0, 0)


async def test_nobody_passes_while_the_engine_does_not_say_whose_worker_asks(tmp_path: Path) -> None:
    async with opened(tmp_path, Outside(), Allowance()) as desk:
        desk.street.reachable = False
        assert (await desk.asked(connect("packages.example.org:443"))).startswith(b"HTTP/1.1 503 ")
        assert desk.outside.dialled == []
        desk.street.reachable = True
        desk.street.runs.clear()
        assert (await desk.asked(connect("packages.example.org:443"))).startswith(b"HTTP/1.1 403 ")
        assert (await desk.last("unknown")).refused == "this token is of another run"


@pytest.mark.parametrize("first", [hello("evil.example.org"), b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\nHost: evil\r\n\r\n"])
async def test_a_tunnel_carries_tls_for_its_own_host_only(tmp_path: Path, first: bytes) -> None:
    async with opened(tmp_path, Outside(), Allowance()) as desk:
        assert await desk.asked(connect("packages.example.org:443") + first) in (ESTABLISHED, b"")
        assert desk.outside.got == b""
        assert (await desk.last()).refused == "TLS for another name, or none"


async def test_a_run_is_cut_off_when_its_traffic_is_used_up_also_after_a_restart(tmp_path: Path) -> None:
    request = connect("packages.example.org:443") + hello("packages.example.org")
    async with opened(tmp_path, Outside(b"x" * 2**21, ends=True), Allowance(megabytes=1)) as desk:
        assert len(await desk.asked(request)) < 2**20 + 2**17
        assert (await desk.last()).refused == "the traffic of this run is used up"
    async with opened(tmp_path, Outside(), Allowance(megabytes=1)) as desk:
        assert (await desk.asked(request)).startswith(b"HTTP/1.1 403 the traffic of this run is used up")
        assert desk.outside.dialled == []


async def test_a_run_has_so_many_connections_at_once_and_other_runs_keep_theirs(tmp_path: Path) -> None:
    async with opened(tmp_path, Outside(), Allowance(connections=1)) as desk:
        reader, writer = await desk.connect()
        writer.write(connect("packages.example.org:443") + hello("packages.example.org"))
        assert await reader.readexactly(len(ESTABLISHED) + 4) == ESTABLISHED + b"fine"
        assert (await desk.asked(connect("packages.example.org:443"))).startswith(b"HTTP/1.1 429")
        desk.street.runs["127.0.0.1"] = "r-2"
        refused = await desk.asked(connect("evil.example.org:443", credentials("r-2")))
        assert refused.startswith(b"HTTP/1.1 403 this host is not on the allow-list")
        desk.ended.clear()
        writer.close()
        await asyncio.wait_for(desk.ended.wait(), 60)


async def test_a_silent_connection_is_closed(tmp_path: Path) -> None:
    async with opened(tmp_path, Outside(), Allowance(idle_seconds=0.2)) as desk:
        answer = await desk.asked(connect("packages.example.org:443") + hello("packages.example.org"))
        assert answer in (ESTABLISHED + b"fine", b"")
        assert (await desk.last()).refused == "silent for too long"


async def test_refusals_fill_no_disk(tmp_path: Path) -> None:
    async with opened(tmp_path, Outside(), Allowance(attempts=3)) as desk:
        for _ in range(5):
            assert (await desk.asked(connect("packages.example.org:443", b""))).startswith(b"HTTP/1.1 407")
            await desk.asked(connect("evil.example.org:443"))
        assert (await desk.asked(connect("evil.example.org:443"))).startswith(b"HTTP/1.1 429")
        assert (len(await desk.receipts.of_run("unknown")), len(await desk.receipts.of_run(RUN))) == (3, 3)


def network(gateway: str, subnet: str) -> WorkersNetwork:
    return WorkersNetwork(id="n", bridge="slw-0123456789", gateway=gateway, subnet=IPv4Network(subnet))


@pytest.mark.parametrize(("subnet", "start"), [("127.0.0.0/8", b"HTTP/1.1 407"), ("10.0.0.0/8", b"")])
async def test_only_the_workers_own_network_is_served(tmp_path: Path, subnet: str, start: bytes) -> None:
    async with opened(tmp_path, Outside(), Allowance()) as desk:
        server = await listening(desk.proxy, network("127.0.0.1", subnet), 0)
        assert server is not None
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(connect("packages.example.org:443", b""))
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                answer = await asyncio.wait_for(reader.read(), 60)
            assert answer[:12] == start
            writer.close()


async def test_an_engine_elsewhere_leaves_agents_without_a_way_and_the_rest_running(tmp_path: Path) -> None:
    async with opened(tmp_path, Outside(), Allowance()) as desk:
        assert await listening(desk.proxy, network("198.51.100.1", "198.51.100.0/24"), 8443) is None


def test_the_firewall_lets_workers_to_the_proxy_and_nothing_else_of_this_machine() -> None:
    assert ruleset(network("198.51.100.1", "198.51.100.0/24"), 8443) == (
        "*filter\n:SLW-0123456789 - [0:0]\n"
        "-A SLW-0123456789 -d 198.51.100.1/32 -p tcp -m tcp --dport 8443 -j ACCEPT\n"
        "-A SLW-0123456789 -p tcp -j REJECT --reject-with tcp-reset\n"
        "-A SLW-0123456789 -j REJECT\nCOMMIT\n"
    )


def test_the_indexes_of_pips_configuration_are_found() -> None:
    configuration = (
        ":env:.index-url='https://packages.example.org/simple'\nglobal.extra-index-url='file:///opt/x https://b.example.org'\n"
        "global.find-links='https://c.example.org'\nglobal.timeout='60'\n"
    )
    assert indexes_in(configuration) == ["https://packages.example.org/simple", "file:///opt/x", "https://b.example.org"]
