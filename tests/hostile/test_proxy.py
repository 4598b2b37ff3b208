"""Through the egress proxy to what is not permitted, or as somebody else."""

import asyncio
import base64
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import docker
import pytest

from blocks.docker_engine.block import DockerEngine
from blocks.egress_receipts import EgressReceipts
from domain.egress import run_token
from domain.receipts import Passage
from domain.workers import Command, CommandResult, Worker
from tests.blocks.egress_bench import Place
from tests.blocks.engine_bench import until
from tests.hostile.attempts import REACHES, python, registry
from tests.hostile.conftest import RUN

pytestmark = pytest.mark.docker
Held = Callable[[str], None]


async def curl(worker: Worker, *words: str, environment: dict[str, str] | None = None) -> CommandResult:
    argv = ("curl", "-sS", "--max-time", "6", "-o", "/dev/null", "-w", "%{http_connect} %{http_code}", *words)
    return await worker.run(Command(argv=argv, environment=environment or {}, seconds=30))


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://198.51.100.7/", "addresses are refused, use a name"),
        ("https://0x7f000001/", "addresses are refused, use a name"),
        ("http://169.254.169.254/latest/meta-data/", "addresses are refused, use a name"),
        ("https://[::1]/", "addresses are refused, use a name"),
        ("https://evil.example/", "this host is not on the allow-list"),
        ("http://metadata.google.internal/", "this host is not on the allow-list"),
        ("http://localhost.localdomain/", "this host is not on the allow-list"),
    ],
    ids=lambda value: value if "://" in value else "",
)
async def test_address_through_the_proxy(place: Place, agent: Worker, held: Held, address: str, why: str) -> None:
    before = len(await EgressReceipts(place.folder.home).of_run(RUN))
    result = await curl(agent, "--noproxy", "", address)
    assert result.stdout.decode().strip() in ("403 000", "000 403")
    assert (await noted(place, before)).refused == why
    held(why)


async def noted(place: Place, before: int) -> Passage:
    """Return the next line of the receipt, which is written after the answer."""
    receipts = EgressReceipts(place.folder.home)

    async def lines() -> Sequence[Passage]:
        return (await receipts.of_run(RUN))[before:]

    found: Sequence[Passage] = await until(lines, "the receipt has another line")
    return found[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="a name server for the proxy alone needs a mount namespace")
@pytest.mark.parametrize("name", ["loopback", "loopback6", "metadata", "inside"])
async def test_permitted_name_that_leads_inside(agent: Worker, held: Held, name: str) -> None:
    result = await curl(agent, f"https://{name}.slipway-test.example/")
    assert result.stdout.decode() == "403 000"
    assert "the name leads to an inside address" in (await proxied(agent, f"CONNECT {name}.slipway-test.example:443"))
    held("the name leads to an inside address")


@pytest.mark.parametrize("port", ["https://{}:8443/", "http://{}/", "https://{}:22/"])
async def test_other_port_of_a_permitted_host(agent: Worker, held: Held, port: str) -> None:
    assert "403" in (await curl(agent, port.format(await registry()))).stdout.decode()
    held("tunnels go to port 443 only, plain requests to hosts permitted with :80")


async def test_domain_fronting(agent: Worker, held: Held) -> None:
    name = await registry()
    result = await curl(agent, "--connect-to", f"evil.example:443:{name}:443", "https://evil.example/")
    assert (result.stdout.decode(), result.exit_code) == ("200 000", 35), result.text
    held("the tunnel is cut: TLS for another name")


async def test_tunnel_without_tls(agent: Worker, held: Held) -> None:
    said = await proxied(agent, f"CONNECT {await registry()}:443", then="SSH-2.0-exfiltration\r\n" * 4)
    assert said.count("HTTP/1.1") == 1
    held("the tunnel is cut: no TLS was begun")


async def proxied(agent: Worker, request: str, then: str = "", credentials: str | None = None) -> str:
    """Say a request line to the proxy of the worker's environment and return all that it answers."""
    return (await python(agent, SAYS, request, then, "" if credentials is None else credentials or "-")).text


SAYS = """
import base64, os, socket, sys, urllib.parse
proxy = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
token = sys.argv[3] or base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
with socket.create_connection((proxy.hostname, proxy.port), timeout=12) as asking:
    head = f"{sys.argv[1]} HTTP/1.1\\r\\nProxy-Authorization: Basic {token}\\r\\n\\r\\n"
    asking.sendall((head + sys.argv[2]).encode())
    try:
        while part := asking.recv(1000):
            print(part.decode("latin-1"), end="")
    except OSError as error:
        print("cut:", error)
"""
SMUGGLED = {
    "upload by POST": "POST http://{}/",
    "user in the address": "GET http://{}@evil.example/",
    "two hosts": "CONNECT {}:443,evil.example:443",
    "tab instead of a space": "CONNECT\t{}:443",
    "fragment for another host": "CONNECT {}:443#@evil.example:443",
    "path behind the port": "CONNECT {}:443/evil.example",
    "name with a zero byte": "CONNECT {}\0.evil.example:443",
    "name that ends like a permitted one": "CONNECT evil{}:443",
    "permitted name in front": "CONNECT {}.evil.example:443",
    "trailing dot": "CONNECT {}.:443",
    "the proxy's own address": "GET http://127.0.0.1/",
    "relative address": "GET /metrics",
    "file scheme": "GET file:///etc/passwd",
    "endless request line": "CONNECT " + "a" * 70_000,
}


@pytest.mark.parametrize("request_line", SMUGGLED.values(), ids=SMUGGLED.keys())
async def test_request_to_the_proxy(agent: Worker, held: Held, request_line: str) -> None:
    said = await proxied(agent, request_line.replace("{}", await registry()).replace("\0", "%00"))
    status = said.split(" ")[1] if said.startswith("HTTP/1.1 ") else "closed"
    assert status in ("400", "403", "405", "431") or "cut" in said, said
    held(said.splitlines()[0] if said else "closed")


@pytest.mark.parametrize("whose", ["nobody's", "another run's", "another installation's", "cut off", "empty"])
async def test_proxy_with_a_token_that_is(place: Place, agent: Worker, held: Held, whose: str) -> None:
    pair = {
        "nobody's": "x:y",
        "another run's": f"{RUN}:{run_token(place.folder.egress_key, 'r-other')}",
        "another installation's": f"{RUN}:{run_token('its key', RUN)}",
        "cut off": f"{RUN}:{run_token(place.folder.egress_key, RUN)[:-1]}",
        "empty": ":",
    }[whose]
    encoded = base64.b64encode(pair.encode()).decode()
    assert (await proxied(agent, f"CONNECT {await registry()}:443", credentials=encoded)).startswith("HTTP/1.1 407")
    held("407: this needs the token of a run")


async def test_proxy_with_the_whole_token_of_another_run(place: Place, agent: Worker, held: Held) -> None:
    """The other run goes on; its token is good, and was stolen."""
    before = len(await EgressReceipts(place.folder.home).of_run(RUN))
    stolen = base64.b64encode(f"r-other:{run_token(place.folder.egress_key, 'r-other')}".encode()).decode()
    assert (await proxied(agent, f"CONNECT {await registry()}:443", credentials=stolen)).startswith("HTTP/1.1 403 ")
    assert (await noted(place, before)).refused == "this token is of another run"
    assert not await EgressReceipts(place.folder.home).of_run("r-other")
    held("403: this token is of another run; noted in the thief's receipt")


async def test_proxy_from_another_network(place: Place, engine: DockerEngine, victim: tuple[str, int], held: Held) -> None:
    gateway = (await place.network()).gateway
    client = docker.from_env(version="auto")
    try:
        app = client.containers.get(f"slipway-{place.folder.installation}-victim-v1")
        _, said = await asyncio.to_thread(app.exec_run, ["python", "-c", REACHES, gateway, str(place.port), "7878"])
    finally:
        client.close()
    assert said.startswith(b"held:") or said.strip().endswith(b" b''"), said
    held("only the workers' network is answered")


async def test_slow_requests_do_not_hold_the_proxy(agent: Worker, held: Held) -> None:
    opened = "import os, socket, time, urllib.parse as u; p = u.urlsplit(os.environ['HTTPS_PROXY']); "
    opened += (
        "s = [socket.create_connection((p.hostname, p.port)) for _ in range(60)]; print('open', flush=True); time.sleep(4)"
    )
    flood = asyncio.create_task(python(agent, opened))
    try:
        assert (await curl(agent, "https://evil.example/")).stdout.decode() == "403 000"
    finally:
        assert "open" in (await flood).text
    held("others are answered meanwhile; a head must come within 10 s")


def test_receipt_names_what_was_refused(place: Place) -> None:
    refused = asyncio.run(EgressReceipts(place.folder.home).of_run(RUN))
    assert {"evil.example", "metadata.google.internal"} <= {passage.host for passage in refused if passage.refused}
    assert not [passage for passage in refused if passage.down > 100_000]


def test_hosts_file_of_this_machine_was_not_touched() -> None:
    assert "slipway-test" not in Path("/etc/hosts").read_text()
