"""What a hostile worker reaches: package registries through the proxy, and nothing else of the world or of this machine.

The egress service runs as `slipway up` runs it. Only loopback, containers and, by pip, a package registry are contacted:
what is tried against addresses of others ends in this machine's firewall.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest

from blocks.docker_connection import DockerConnection
from blocks.docker_engine import DockerEngine
from blocks.docker_networks import DockerNetworks, WorkersNetwork
from blocks.egress_receipts import EgressReceipts
from deployments.base_image import ensure_images
from deployments.data_folder import DataFolder
from deployments.firewall import can_lock, chain
from deployments.preflight import free_port
from deployments.registries import registry_patterns
from domain.egress import run_token
from domain.workers import AppSpec, Built, Command, CommandResult, Limits, Worker, WorkerSpec
from tests.blocks.engine_bench import PROJECT, until

pytestmark = pytest.mark.docker

RUN = "r-egress"
SMALL = Limits(memory_mb=256, cpus=1.0, pids=64, disk_mb=64)
SECONDS = 6
REACHES = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=4) as found:
        print("reached", found.recv(100))
except OSError as error:
    print("no way:", error)
"""
ASKS = """
import socket, struct, sys
name = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[3].split(".")) + b"\\0"
query = struct.pack("!6H", 7, 256, 1, 0, 0, 0) + name + struct.pack("!2H", 1, 1)
kind = socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM
with socket.socket(socket.AF_INET, kind) as asking:
    asking.settimeout(4)
    try:
        asking.connect((sys.argv[2], 53))
        asking.sendall(query if sys.argv[1] == "udp" else struct.pack("!H", len(query)) + query)
        answer = asking.recv(512)[0 if sys.argv[1] == "udp" else 2:]
        print("code", answer[3] & 15, "answers", struct.unpack("!H", answer[6:8])[0])
    except OSError as error:
        print("no way:", error)
"""


class Place:
    """One installation with its egress service."""

    def __init__(self, home: Path) -> None:
        self.folder = DataFolder(home)
        self.folder.prepare()
        self.port = free_port("0.0.0.0")
        self.mark = home / "egress.ready"
        self.log = home / "egress.log"
        self.connection = DockerConnection(None)
        self.networks = DockerNetworks(self.connection, self.folder.installation, self.folder.engine)
        self.service: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.mark.unlink(missing_ok=True)
        environment = {**os.environ, "SLIPWAY_HOME": str(self.folder.home), "SLIPWAY_EGRESS": "*.slipway-test.example"}
        command = [sys.executable, "-m", "deployments.alone", "egress", str(self.port), str(self.mark)]
        with self.log.open("ab") as log:
            self.service = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    async def ready(self) -> None:
        async def marked() -> bool:
            assert self.service is not None
            assert self.service.poll() is None, self.log.read_text()
            return self.mark.exists()

        await until(marked, "the egress service is ready", 60)

    def stop(self) -> None:
        if self.service:
            self.service.send_signal(signal.SIGTERM)
            self.service.wait(20)
            self.service = None

    def engine(self, *, egress: bool = True) -> DockerEngine:
        bundle = os.environ.get("SSL_CERT_FILE")
        images = asyncio.run(ensure_images(None, Path(bundle) if bundle else None, print))
        return DockerEngine(
            installation=self.folder.installation,
            base_image=images.base,
            worker_image=images.worker,
            data_folder=str(self.folder.engine),
            egress_port=self.port if egress else None,
            egress_key=self.folder.egress_key if egress else None,
        )

    async def network(self) -> WorkersNetwork:
        return await self.networks.of_workers()

    async def refusals(self, run: str = RUN) -> dict[str, str]:
        return {passage.host: passage.refused for passage in await EgressReceipts(self.folder.home).of_run(run)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("egress"))
    made.start()
    yield made
    client = docker.from_env(version="auto")
    ours = {"label": f"slipway.installation={made.folder.installation}"}
    for container in client.containers.list(all=True, filters=ours):
        container.remove(force=True, v=True)
    made.stop()
    for thing in (*client.volumes.list(filters=ours), *client.networks.list(filters=ours)):
        thing.remove()
    for image in client.images.list(filters=ours):
        client.images.remove(image.id, force=True)
    client.close()
    if can_lock():
        assert f"slw-{chain_of(made)}" not in rules(), "the rules go with the last worker"


def chain_of(place: Place) -> str:
    from blocks.docker_networks import bridge_name

    return bridge_name(place.folder.installation).removeprefix("slw-")


def rules() -> str:
    return subprocess.run(["iptables", "-S", "INPUT"], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def engine(place: Place) -> DockerEngine:
    return place.engine()


def spec(role: str, run: str = RUN) -> WorkerSpec:
    return WorkerSpec(identity=f"{run}-{role}", project="notes", run=run, role="developer", network="packages", limits=SMALL)


@pytest.fixture
async def worker(place: Place, engine: DockerEngine) -> Worker:
    await place.ready()
    return await engine.spawn(spec("hostile"))


async def python(worker: Worker, code: str, *words: object) -> str:
    result = await worker.run(Command(argv=("python", "-c", code, *map(str, words)), seconds=20))
    assert result.ok, result.text
    return result.text.strip()


async def curl(worker: Worker, *words: str, environment: dict[str, str] | None = None) -> CommandResult:
    argv = ("curl", "-sS", "--max-time", str(SECONDS), "-o", "/dev/null", "-w", "%{http_connect} %{http_code}", *words)
    return await worker.run(Command(argv=argv, environment=environment or {}, seconds=30))


async def registry() -> str:
    """Return the host that this machine's pip asks first."""
    from pip._internal.models.index import PyPI

    assert PyPI.netloc in await registry_patterns()
    return str(PyPI.netloc)


async def test_pip_installs_a_package_and_the_receipt_says_from_where(place: Place, worker: Worker) -> None:
    code = "pip install -q --no-cache-dir --target /tmp/s six && PYTHONPATH=/tmp/s python -c 'import six; print(six.__name__)'"
    result = await worker.run(Command(argv=("sh", "-c", code), seconds=120))
    assert result.text.strip() == "six"
    passages = await EgressReceipts(place.folder.home).of_run(RUN)
    assert {passage.host for passage in passages if passage.down > 10_000} <= set(await registry_patterns())
    assert sum(passage.down for passage in passages) > 10_000


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
)
async def test_the_proxy_refuses_and_says_why(place: Place, worker: Worker, address: str, why: str) -> None:
    before = len(await EgressReceipts(place.folder.home).of_run(RUN))
    result = await curl(worker, "--noproxy", "", address)
    assert result.stdout.decode().strip() in ("403 000", "000 403")
    assert (await EgressReceipts(place.folder.home).of_run(RUN))[before].refused == why


async def test_the_proxy_refuses_another_port_of_a_permitted_host(worker: Worker) -> None:
    assert (await curl(worker, f"https://{await registry()}:8443/")).stdout.decode() == "403 000"
    assert (await curl(worker, f"http://{await registry()}/")).stdout.decode() == "000 403"


@pytest.mark.parametrize("whose", ["nobody's", "another run's", "an ended installation's"])
async def test_a_proxy_without_a_valid_token_opens_nothing(place: Place, worker: Worker, whose: str) -> None:
    user = {
        "nobody's": "",
        "another run's": f"{RUN}:{run_token(place.folder.egress_key, 'r-other')}@",
        "an ended installation's": f"{RUN}:{run_token('its key', RUN)}@",
    }[whose]
    proxy = f"http://{user}{(await place.network()).gateway}:{place.port}"
    result = await curl(worker, "--proxy", proxy, f"https://{await registry()}/", environment={"NO_PROXY": "", "no_proxy": ""})
    assert result.stdout.decode() == "407 000"


async def test_nothing_is_reached_past_the_proxy(worker: Worker) -> None:
    assert (await python(worker, REACHES, "198.51.100.7", 443)).startswith("no way:")


async def test_there_is_no_ipv6(worker: Worker) -> None:
    assert await python(
        worker, "import os; print(os.path.exists('/proc/net/if_inet6') and open('/proc/net/if_inet6').read())"
    ) in (
        "False",
        "",
    )
    assert (await python(worker, REACHES, "2001:db8::1", 443)).startswith("no way:")


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_no_name_is_resolved_for_a_worker(place: Place, worker: Worker, kind: str) -> None:
    name = await registry()
    gateway = (await place.network()).gateway
    for server in ("127.0.0.11", "127.0.0.1", gateway, "198.51.100.53"):
        answer = await python(worker, ASKS, kind, server, name)
        assert answer.startswith("no way:") or (answer.endswith("answers 0") and not answer.startswith("code 0")), (
            server,
            answer,
        )
    looked_up = await worker.run(Command(argv=("getent", "hosts", name), seconds=30))
    assert looked_up.exit_code == 2, looked_up.text


@pytest.mark.skipif(not can_lock(), reason="the host's services are locked away by root only, and docs/engines.md says so")
async def test_services_of_this_machine_are_not_reached_at_any_of_its_addresses(place: Place, worker: Worker) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"a service of the host")
        writer.close()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("0.0.0.0", 0))
        udp.setblocking(False)
        async with await asyncio.start_server(greet, "0.0.0.0", 0) as server:
            port = server.sockets[0].getsockname()[1]
            addresses = own_addresses()
            assert (await place.network()).gateway in addresses
            for address in addresses:
                assert (await python(worker, REACHES, address, port)).startswith("no way:"), address
                await python(worker, SENDS, address, udp.getsockname()[1])
            with pytest.raises(BlockingIOError):
                udp.recv(100)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b"a service of the host"  # the listener does answer
            writer.close()


SENDS = """
import socket, sys
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (sys.argv[1], int(sys.argv[2])))
except OSError as error:
    print(error)
"""


def own_addresses() -> list[str]:
    told = json.loads(subprocess.run(["ip", "-j", "-4", "address"], check=True, capture_output=True, text=True).stdout)
    return [info["local"] for link in told for info in link["addr_info"] if not info["local"].startswith("127.")]


async def test_apps_and_other_workers_are_not_reached(engine: DockerEngine, worker: Worker, tmp_path: Path) -> None:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text)
    made = await engine.build(tmp_path, "diary", "r-diary")
    assert isinstance(made, Built), made.log
    app = AppSpec(identity="diary-v1", project="diary", run="r-diary", candidate=made.candidate, limits=SMALL)
    host, _, port = (await engine.start(app)).address.partition(":")
    await until(lambda: answers(host, int(port)), "the app answers this machine")
    assert (await python(worker, REACHES, host, port)).startswith("no way:")
    other = await engine.spawn(spec("other", "r-other"))
    listens = "import socket; s = socket.create_server(('0.0.0.0', 8000)); print('up', flush=True); s.accept()"
    listening = asyncio.create_task(other.run(Command(argv=("python", "-c", listens), seconds=20)))
    address = await python(other, "import socket; print(socket.gethostbyname(socket.gethostname()))")
    try:
        await until(lambda: listens_on(other, "1F40"), "the other worker listens")
        assert (await python(worker, REACHES, address, 8000)).startswith("no way:")
    finally:
        await engine.remove_worker(other.identity)
        with suppress(Exception):
            await listening


async def answers(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def listens_on(worker: Worker, port: str) -> bool:
    return f":{port} " in (await worker.run(Command(argv=("cat", "/proc/net/tcp")))).text


async def test_without_a_proxy_the_network_is_closed_not_open(place: Place, engine: DockerEngine, worker: Worker) -> None:
    alone = DockerEngine(**{name: getattr(engine, name) for name in DockerEngine.model_fields} | {"egress_port": None})
    lonely = await alone.spawn(spec("lonely", "r-lonely"))
    assert "proxy" not in (await lonely.run(Command(argv=("env",)))).text.lower()
    assert (await python(lonely, REACHES, "198.51.100.7", 443)).startswith("no way:")
    await alone.remove_worker(lonely.identity)


async def test_a_killed_service_leaves_the_door_locked_and_the_next_one_serves(place: Place, worker: Worker) -> None:
    assert place.service is not None
    place.service.kill()
    place.service.wait()
    refused = await curl(worker, f"https://{await registry()}/")
    assert refused.stdout.decode() == "000 000"
    if can_lock():
        assert chain(await place.network()) in rules()
    place.start()
    await place.ready()
    assert (await curl(worker, "https://evil.example/")).stdout.decode() == "403 000"
