"""To places that a worker has no business with, by every way out that it has."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress

import docker
import pytest

from blocks.docker_engine.block import DockerEngine
from deployments.egress.firewall import can_lock
from domain.workers import CommandResult, Worker
from tests.blocks.egress_bench import Place
from tests.blocks.engine_bench import until
from tests.blocks.outside import ADDRESS, METADATA, NAME_SERVER, Outside
from tests.blocks.services import binary, free_port, short_folder
from tests.hostile.attempts import REACHES, TRY, python, reached, refusal, registry, shell, tried
from tests.hostile.conftest import spec

pytestmark = pytest.mark.docker
locked = pytest.mark.skipif(not can_lock(), reason="the host's services are locked away by root only: docs/engines.md")
Held = Callable[[str], None]
HTTP = b"GET / HTTP/1.0\r\n\r\n"


# past the proxy


@pytest.mark.parametrize(("host", "port"), [(METADATA, 80), (ADDRESS, 443)], ids=["metadata address", "raw IP address"])
async def test_direct(agent: Worker, world: Outside, held: Held, host: str, port: int) -> None:
    """An ordinary container is answered there."""
    assert await world.answered(REACHES, host, str(port), "") == f"reached {host} b'the outside'\n"
    before = world.heard
    held(await reached(agent, host, port))
    assert world.heard == before


@locked
async def test_broadcast(agent: Worker, world: Outside, held: Held) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("0.0.0.0", 0))
        udp.settimeout(10)
        port = str(udp.getsockname()[1])
        assert await world.asked(SHOUTS, port) == "sent\n"
        assert await asyncio.to_thread(udp.recv, 100) == b"x", "an ordinary container is heard"
        said = refusal_or_sent(await python(agent, SHOUTS, port))
        udp.setblocking(False)
        with pytest.raises(BlockingIOError):
            udp.recv(100)
    held(f"{said}; nothing arrived")


SHOUTS = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as shouting:
    shouting.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    try:
        shouting.sendto(b"x", ("255.255.255.255", int(sys.argv[1])))
        print("sent")
    except OSError as error:
        print("held:", error)
"""


def refusal_or_sent(result: CommandResult) -> str:
    assert result.ok, result.text
    return result.text.strip().removeprefix("held: ")


@locked
async def test_service_of_this_machine_by_its_link_local_ipv6_address(
    place: Place, agent: Worker, world: Outside, held: Held
) -> None:
    """A container on the workers' network is answered there as soon as it has IPv6, for these rules of iptables are IPv4's."""
    network = await place.network()
    address = link_local_address(network.bridge)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"a service of the host")
        writer.close()

    async with await asyncio.start_server(greet, "::", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with joined(world, network.id) as device:
            there = f"{address}%{device}"

            async def answered() -> bool:  # an address of IPv6 is used only some seconds after it was made
                return "a service of the host" in await world.asked(REACHES, there, str(port), "")

            await until(answered, "an ordinary container is answered")
        held(await reached(agent, f"{address}%eth0 {address}", port))


def link_local_address(bridge: str) -> str:
    told = subprocess.run(["ip", "-j", "-6", "address", "show", "dev", bridge], check=True, capture_output=True, text=True)
    [address] = [info["local"] for link in json.loads(told.stdout) for info in link.get("addr_info", ()) if link]
    return str(address)


@contextmanager
def joined(world: Outside, network: str) -> Iterator[str]:
    """Have the ordinary container on the workers' network too, with IPv6; yield the name of its device there."""
    client = docker.from_env(version="auto")
    joining = client.networks.get(network)
    joining.connect(world.container)
    try:
        world.container.reload()
        inside = ["nsenter", f"--net=/proc/{world.container.attrs['State']['Pid']}/ns/net", "sh", "-c"]
        subprocess.run([*inside, "echo 0 >/proc/sys/net/ipv6/conf/eth1/disable_ipv6"], check=True)
        yield "eth1"
    finally:
        joining.disconnect(world.container, force=True)
        client.close()


async def test_ipv6_is_not_there_at_all(agent: Worker, held: Held) -> None:
    said = await shell(agent, "cat /proc/net/if_inet6 2>/dev/null")
    assert said.stdout == b""
    held("no interface has an IPv6 address")


ASKS = """
import socket, struct, sys
name = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[3].split(".")) + b"\\0"
query = struct.pack("!6H", 7, 256, 1, 0, 0, 0) + name + struct.pack("!2H", 1, 1)
kind = socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM
with socket.socket(socket.AF_INET, kind) as asking:
    asking.settimeout(1.5)
    try:
        asking.connect((sys.argv[2], 53))
        asking.sendall(query if sys.argv[1] == "udp" else struct.pack("!H", len(query)) + query)
        answer = asking.recv(512)[0 if sys.argv[1] == "udp" else 2:]
        if answer[3] & 15 == 0 or struct.unpack("!H", answer[6:8])[0]:
            print("an answer", answer)
        else:
            print("held: refused with code", answer[3] & 15)
    except OSError as error:
        print("held:", error)
"""


@pytest.mark.parametrize("kind", ["udp", "tcp"])
@pytest.mark.parametrize("server", ["127.0.0.11", "the gateway"], ids=["of Docker", "of this machine"])
async def test_name_server(place: Place, agent: Worker, held: Held, kind: str, server: str) -> None:
    address = (await place.network()).gateway if server == "the gateway" else server
    held(refusal(await python(agent, ASKS, kind, address, await registry())))


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_name_server_far_away(agent: Worker, world: Outside, held: Held, kind: str) -> None:
    assert (await world.answered(ASKS, kind, NAME_SERVER, "secret.example.org")).startswith("an answer")
    before = world.heard
    held(refusal(await python(agent, ASKS, kind, NAME_SERVER, "secret.example.org")))
    assert world.heard == before


async def test_names_are_not_resolved_by_the_system(agent: Worker, held: Held) -> None:
    assert (await shell(agent, f"getent hosts secret-data.{await registry()}")).exit_code == 2
    held("the worker's only name server is its own loopback, where none is")


PING = """
socket_ = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
socket_.settimeout(1.5)
socket_.sendto(struct.pack("!BBHHH", 8, 0, 0, 0, 1) + b"stolen data", (ADDRESS, 0))
socket_.recv(100)
"""


@locked
async def test_icmp_to_the_host(place: Place, agent: Worker, held: Held) -> None:
    held(await tried(agent, PING.replace("ADDRESS", repr((await place.network()).gateway))))


async def test_icmp_far_away(agent: Worker, world: Outside, held: Held) -> None:
    ping = PING.replace("ADDRESS", repr(ADDRESS))
    assert await world.answered(TRY, ping) == "ESCAPED\n", "an ordinary container is answered"
    held(await tried(agent, ping))


VSOCK = """
def speak(address):
    with socket.socket(socket.AF_VSOCK) as speaking:
        speaking.settimeout(1)
        speaking.connect(address)
any_of(speak, (2, 1024), (2, 22), (1, 1024))
"""


@pytest.mark.limit
async def test_vsock_to_the_hypervisor(agent: Worker, held: Held) -> None:
    held(f"{await tried(agent, VSOCK)}; engines before 23 permit the attempt (docs/engines.md)")


# services of this machine


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    """Yield the port of a Redis that listens on all addresses without a password: worse than ours, which has no port."""
    port = free_port()
    with short_folder() as folder:
        words = [binary("redis-server"), "--port", str(port), "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""]
        with subprocess.Popen([*words, "--dir", str(folder)], stdout=subprocess.DEVNULL) as process:
            yield port
            process.terminate()


def own_addresses() -> list[str]:
    told = json.loads(subprocess.run(["ip", "-j", "-4", "address"], check=True, capture_output=True, text=True).stdout)
    return [info["local"] for link in told for info in link["addr_info"]]


async def test_redis_of_this_machine(agent: Worker, held: Held, redis_port: int) -> None:
    held(await service_is_held(agent, redis_port, b"PING\r\n", b"+PONG"))


SERVICES = {"any service": 0, "Prefect's API": 4200, "Postgres": 5432, "public apps": 8080, "Caddy's admin": 2019}


@pytest.mark.parametrize("port", SERVICES.values(), ids=SERVICES.keys())
async def test_port_of_this_machine(agent: Worker, held: Held, port: int) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"a service of the host")
        writer.close()

    async with await asyncio.start_server(greet, "0.0.0.0", 0 if in_use(port) else port) as server:
        held(await service_is_held(agent, server.sockets[0].getsockname()[1], b"", b"a service"))


def in_use(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def service_is_held(agent: Worker, port: int, say: bytes, answer: bytes) -> str:
    """Fail when the worker gets an answer at any address of this machine; that the service does answer is made sure."""
    if not can_lock():
        pytest.skip("the host's services are locked away by root only: docs/engines.md")

    async def answers() -> bool:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(say)
            said = await reader.read(100)
            writer.close()
            return answer in said
        return False

    await until(answers, f"port {port} answers this machine")
    return await reached(agent, " ".join(own_addresses()), port, say)


@locked
async def test_udp_to_the_host(place: Place, agent: Worker, held: Held) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("0.0.0.0", 0))
        udp.setblocking(False)
        await python(agent, SENDS, " ".join(own_addresses()), str(udp.getsockname()[1]))
        with pytest.raises(BlockingIOError):
            udp.recv(100)
    held("nothing arrived")


SENDS = """
import socket, sys
for host in sys.argv[1].split():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (host, int(sys.argv[2])))
    except OSError as error:
        print(error)
"""


async def test_unix_sockets_of_the_installation(place: Place, agent: Worker, held: Held) -> None:
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "r.sock"))
        listening.listen()
        held(await tried(agent, f"socket.socket(socket.AF_UNIX).connect({str(folder / 'r.sock')!r})"))


async def test_data_folder_of_the_installation(place: Place, agent: Worker, held: Held) -> None:
    assert place.folder.home.stat().st_mode & 0o077 == 0
    held(await tried(agent, f"os.listdir({str(place.folder.home)!r})"))


# others' containers


async def test_app_of_another_project(agent: Worker, held: Held, victim: tuple[str, int]) -> None:
    await until(lambda: asyncio.to_thread(serves, *victim), "the app answers this machine")
    held(await reached(agent, *victim, HTTP))


def serves(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


@pytest.fixture
async def other(engine: DockerEngine) -> AsyncIterator[tuple[Worker, str]]:
    """Yield another run's worker and its address."""
    worker = await engine.spawn(spec("developer", "r-other", "other", network="packages"))
    said = await python(worker, "import socket; print(socket.gethostbyname(socket.gethostname()))")
    yield worker, said.text.strip()
    await engine.remove_worker(worker.identity)


async def test_worker_of_another_run(agent: Worker, held: Held, other: tuple[Worker, str]) -> None:
    worker, address = other
    await shell(worker, "setsid python -m http.server 8000 >/dev/null 2>&1 </dev/null &")
    await until(lambda: serves_itself(worker), "the other worker listens")
    held(await reached(agent, address, 8000, HTTP))
    held(await tried(agent, PING.replace("ADDRESS", repr(address))))


async def serves_itself(worker: Worker) -> bool:
    return ":1F40 " in (await shell(worker, "cat /proc/net/tcp")).text


async def test_network_of_tests_and_candidates(engine: DockerEngine, place: Place, candidate: str, held: Held) -> None:
    tester = await engine.spawn(spec("offline", image=candidate))
    try:
        held(await reached(tester, (await place.network()).gateway, place.port))
        assert (await shell(tester, "ls /sys/class/net")).text.split() == ["lo"]
    finally:
        await engine.remove_worker(tester.identity)
