"""A world for git in real Docker workers with the capability `github`: proxy, gateway, and a git host over TLS.

Proxy and gateway are the services' own code on the workers' network, in this process; the name of the host leads to a git
server of the test. Nothing leaves the machine.
"""

import asyncio
import os
import queue
import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from blocks.docker_engine.block import DockerEngine
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.networks import DockerNetworks
from blocks.docker_engine.occupants import DockerOccupants
from blocks.egress_receipts import EgressReceipts
from deployments.base_image import ensure_images
from deployments.data_folder import DataFolder
from deployments.egress.accounts import Accounts
from deployments.egress.addresses import Addresses
from deployments.egress.proxy import EgressProxy
from deployments.egress.service import listening
from deployments.gateway.upstream import Upstream
from deployments.supervision.ports import free_port
from domain.egress import Allowance
from domain.receipts import Passage
from domain.workers import Command, CommandResult, Worker, WorkerSpec
from tests.deployments.gateway_bench import KEY, RUN, Place, opened
from tests.fakes.git_server import IDENTITY, GitServer
from tests.tasks.conftest import NOW, brief, request

HOST, OUTSIDE = "git.slipway-test.example", "203.0.113.9"
OWN, OTHER, SECRET, OTHERS = "anna/notes", "anna/other", "github_pat_11AA-of-the-notes", "github_pat_22BB-of-the-other"
COMMIT = f"git {' '.join(IDENTITY)} commit -q --allow-empty -m More"

LOOKS = r"""
import base64, os, pathlib, sys
token = sys.stdin.read().strip()[::-1]
wanted = [token.encode(), base64.b64encode(f"x-access-token:{token}".encode())]
def files():
    for process in pathlib.Path("/proc").iterdir():
        if process.name.isdigit():
            yield from (process / "environ", process / "cmdline")
    for top in ("/workspace", "/tmp", "/dev/shm", "/etc", "/opt", "/home", "/root", "/run", "/var", "/usr/local"):
        for folder, _, names in os.walk(top):
            yield from (pathlib.Path(folder, name) for name in names)
seen = 0
for file in files():
    try:
        text = file.read_bytes() if not file.is_symlink() and (file.is_file() or "/proc/" in str(file)) else b""
    except OSError:
        continue
    seen += 1
    if any(each in text for each in wanted):
        print("FOUND", file)
print("looked at", seen)
"""
"""Looks for the token in every process's environment and arguments, and in every file that a worker can have written.

The token comes backwards, so that looking for it does not put it there.
"""


def certificate(folder: Path) -> tuple[ssl.SSLContext, bytes]:
    """Make a server's certificate for the host, which is its own authority."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
    (folder / "host.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "host.pem", folder / "key.pem")
    return context, made.public_bytes(serialization.Encoding.PEM)


@dataclass
class World:
    """One installation with its services, and the host outside."""

    engine: DockerEngine
    gateway: Place
    host: GitServer
    authority: bytes
    passed: EgressReceipts

    async def worker(self, role: str = "developer", run: str = RUN, project: str = "notes", *, github: bool = True) -> Worker:
        capabilities = ("git", "github") if github else ("git",)
        spec = WorkerSpec.model_validate(
            {
                "identity": f"{run}-{role}", "project": project, "run": run, "role": role, "network": "packages",
                "capabilities": capabilities, "environment": {"GIT_SSL_CAINFO": "/tmp/authority.pem"},
            }
        )  # fmt: skip
        worker = await self.engine.spawn(spec)
        await worker.run(Command(argv=("sh", "-c", "cat >/tmp/authority.pem"), stdin=self.authority))
        return worker

    async def passages(self) -> list[Passage]:
        return [each for each in await self.passed.of_run(RUN) if each.host == HOST]


@contextmanager
def lasting(folder: Path) -> Iterator[World]:
    """Yield a world for several tests, whose servers are in a thread of their own."""
    ended, found = threading.Event(), queue.Queue[World | BaseException]()

    async def live() -> None:
        async with world(folder) as made:
            found.put(made)
            await asyncio.to_thread(ended.wait)

    def lived() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:  # told where it is waited for
            found.put(error)

    thread = threading.Thread(target=lived)
    thread.start()
    try:
        made = found.get()
        if isinstance(made, BaseException):
            raise made
        yield made
    finally:
        ended.set()
        thread.join()


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    home = DataFolder(folder)
    home.prepare()
    networks = DockerNetworks(DockerConnection(None), home.installation, home.engine)
    network = await networks.of_workers()
    context, authority = certificate(folder)
    with GitServer(folder / "outside", context) as host:

        async def resolve(name: str, port: int) -> Sequence[str]:
            return [OUTSIDE] if (name, port) == (HOST, 443) else []

        async def connect(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            assert (address, port) == (OUTSIDE, 443)
            return await asyncio.open_connection("127.0.0.1", host.port)

        passed, port = EgressReceipts(folder), free_port("0.0.0.0")
        accounts = Accounts(passed, Allowance())
        occupants = DockerOccupants(DockerConnection(None), home.installation, home.engine, network.id)
        proxy = EgressProxy(home.egress_key, (), accounts, Addresses(occupants), 60, resolve, connect, (HOST,))
        server = await listening(proxy, network, port)
        assert server
        github = f"https://{HOST}"
        serving = opened(
            folder, Upstream("", None), address=network.gateway, guests=network.subnet, street=occupants, github=github
        )
        async with server, serving as gateway:
            engine = await _engine(home, port, int(gateway.url.rpartition(":")[2]))
            try:
                yield await _furnished(World(engine, gateway, host, authority, passed))
            finally:
                for worker in await engine.workers():
                    await engine.remove_worker(worker.identity)
                await DockerConnection(None).ask("removing", lambda api: api.remove_network(network.id))


async def _engine(home: DataFolder, egress_port: int, gateway_port: int) -> DockerEngine:
    bundle = os.environ.get("SSL_CERT_FILE")
    images = await ensure_images(None, Path(bundle) if bundle else None, print)
    return DockerEngine(
        installation=home.installation,
        base_image=images.base,
        worker_image=images.worker,
        data_folder=str(home.engine),
        egress_port=egress_port,
        egress_key=SecretStr(home.egress_key),
        gateway_port=gateway_port,
        gateway_key=SecretStr(KEY),
    )


async def _furnished(made: World) -> World:
    """Give two projects their repositories and tokens."""
    registry, vault = made.gateway.registry, made.gateway.vault
    made.host.make(OWN, SECRET)
    made.host.make(OTHER, OTHERS)
    await registry.set_repository("notes", OWN)
    await vault.put("notes", "GITHUB_TOKEN", SECRET)
    await registry.add_project(brief("another"), "local:me", "another.localhost", NOW)
    await registry.add_run(request("r-000002", "another"), NOW)
    await registry.set_repository("another", OTHER)
    await vault.put("another", "GITHUB_TOKEN", OTHERS)
    return made


async def shell(worker: Worker, line: str, **environment: str) -> CommandResult:
    return await worker.run(Command(argv=("sh", "-c", line), seconds=90, environment=environment))


async def found(worker: Worker, secret: str) -> str:
    ran = await worker.run(Command(argv=("python3", "-c", LOOKS), stdin=secret[::-1].encode(), seconds=90))
    assert ran.ok, ran.text
    return ran.text
