"""The gateway as a service: on the workers' network and on loopback, behind the firewall, killed and started again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from blocks.docker_engine.block import DockerEngine
from blocks.model_gateway import ModelGateway
from blocks.process_engine.block import ProcessEngine
from blocks.registry.block import SqlRegistry
from deployments.data_folder import DataFolder
from deployments.egress.firewall import can_lock
from deployments.gateway.server import CONNECTIONS, Doorkeeper, bound, server_of
from deployments.supervision.ports import free_port
from domain.errors import Broken
from domain.workers import Command, CommandResult, Worker, WorkerSpec
from tests.blocks.egress_bench import installed
from tests.blocks.engine_bench import until
from tests.deployments.gateway_bench import MODEL, REAL_KEY, RUN, Service, before, body, events, pausing, token
from tests.fakes.messages_api import Say, ScriptedMessagesAPI, text
from tests.registry_database import lay_registry
from tests.tasks.conftest import NOW, brief, request

POST = f"""
import json, os, sys, urllib.error, urllib.request
address, given = os.environ["ANTHROPIC_BASE_URL"], sys.argv[1] if len(sys.argv) > 1 else os.environ["ANTHROPIC_AUTH_TOKEN"]
headers = {{"authorization": "Bearer " + given, "anthropic-version": "2023-06-01", "content-type": "application/json"}}
question = urllib.request.Request(address + "/v1/messages", json.dumps({body()!r}).encode(), headers)
try:
    answer = urllib.request.urlopen(question, timeout=20)
    print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""
ADDRESS = 'import os; print(os.environ["ANTHROPIC_BASE_URL"].split("/")[2].split(":")[0])'
REACHES = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    print("open")
except OSError:
    print("closed")
"""


def spec(engine_role: str = "developer", identity: str = "r-000001-developer", run: str = RUN) -> WorkerSpec:
    return WorkerSpec(
        identity=identity, project="notes", run=run, role="developer", network="packages", gateway_role=engine_role
    )


async def python(worker: Worker, script: str, *words: Any) -> CommandResult:
    return await worker.run(Command(argv=("python3", "-c", script, *map(str, words)), seconds=60))


@contextmanager
def service(home: Path, engine: str, port: int, upstream: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the running service, as `slipway up` starts it."""
    mark, environment = home / "gateway.ready", {**os.environ, "SLIPWAY_HOME": str(home), "ANTHROPIC_BASE_URL": upstream}
    command = [sys.executable, "-m", "deployments.supervision.alone", "gateway", engine, str(port), str(mark)]
    mark.unlink(missing_ok=True)
    with (home / "gateway.log").open("ab") as log:
        started = subprocess.Popen(command, env={**environment, "ANTHROPIC_API_KEY": REAL_KEY}, stdout=log, stderr=log)
    try:
        asyncio.run(until(lambda: _marked(started, mark), "the gateway is ready", 60))
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) in (0, -signal.SIGKILL), (home / "gateway.log").read_text()


async def _marked(started: subprocess.Popen[bytes], mark: Path) -> bool:
    assert started.poll() is None
    return await asyncio.to_thread(mark.exists)


@asynccontextmanager
async def registry_of(folder: DataFolder) -> AsyncIterator[SqlRegistry]:
    registry = SqlRegistry(url=f"sqlite+aiosqlite:///{folder.registry}", budget_micro_usd=5_000_000)
    yield registry
    await registry.close()


async def filled(folder: DataFolder) -> None:
    await lay_registry(f"sqlite+aiosqlite:///{folder.registry}")
    async with registry_of(folder) as registry:
        await registry.add_project(brief(), "local:me", "notes.localhost", NOW)
        await registry.add_run(request(), NOW)


async def asked_from_here(folder: DataFolder, port: int) -> str:
    """Ask as a process worker does, and return what it sees."""
    environment = ModelGateway(port, folder.gateway_key).environment("127.0.0.1", spec())
    asking = await asyncio.create_subprocess_exec(
        sys.executable, "-c", POST, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return (await asking.communicate())[0].decode()


@pytest.mark.docker
def test_a_worker_on_the_network_reaches_models_by_its_token_and_nothing_beside_them(tmp_path: Path) -> None:
    port = free_port("0.0.0.0")
    with ScriptedMessagesAPI([Say([text("Hello, worker.")])], key=REAL_KEY) as api, installed(tmp_path, "", port) as place:
        asyncio.run(filled(place.folder))
        engine = place.engine()
        asyncio.run(place.ready())
        with service(tmp_path, "docker", port, api.url):
            asyncio.run(_ask_from_a_container(engine, port, int(api.url.rpartition(":")[2])))
        api.assert_exhausted()


async def _ask_from_a_container(engine: DockerEngine, port: int, upstream_port: int) -> None:
    worker = await engine.spawn(spec())
    answer = (await python(worker, POST)).text
    assert answer.startswith("200 event: message_start"), answer
    assert "Hello, worker." in answer
    for stranger in ("nothing", token(key="guessed"), token("r-000002", key="guessed")):
        assert (await python(worker, POST, stranger)).text.startswith('401 {"type": "error"')
    address = (
        await python(worker, 'import os; print(os.environ["ANTHROPIC_BASE_URL"].split("/")[2].split(":")[0])')
    ).text.strip()
    assert (await python(worker, REACHES, address, port)).text == "open\n"
    if can_lock():
        assert (await python(worker, REACHES, address, 22)).text == "closed\n"
    assert (await python(worker, REACHES, address, upstream_port)).text == "closed\n"
    silent = await engine.spawn(spec("", "r-000001-tester"))
    assert "ANTHROPIC" not in (await silent.run(Command(argv=("env",)))).text
    for identity in (worker.identity, silent.identity):
        await engine.remove_worker(identity)


def test_a_killed_service_leaves_its_reservation_and_the_next_one_serves(tmp_path: Path) -> None:
    folder, port = DataFolder(tmp_path), free_port()
    folder.prepare()
    asyncio.run(filled(folder))
    with ScriptedMessagesAPI([Say([text("Hello again.")])], key=REAL_KEY) as api:
        # A service that accepts and says nothing: the call is under way when its gateway is killed.
        with bound("127.0.0.1", 0) as mute, service(tmp_path, "process", port, _address(mute)) as started:  # type: ignore[union-attr]
            asyncio.run(_kill_under_way(folder, port, started))
        with service(tmp_path, "process", port, api.url):
            asyncio.run(_ask_again(folder, port))
        api.assert_exhausted()


def _address(listener: Any) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def _kill_under_way(folder: DataFolder, port: int, started: subprocess.Popen[bytes]) -> None:
    asking = asyncio.create_task(asked_from_here(folder, port))
    async with registry_of(folder) as registry:

        async def reserved() -> bool:
            return (await registry.cost("notes")).reserved_micro_usd > 0

        await until(reserved, "the call is reserved", 20)
        started.kill()
        assert await asking == ""
        assert await reserved()


async def _ask_again(folder: DataFolder, port: int) -> None:
    assert "Hello again." in await asked_from_here(folder, port)
    async with registry_of(folder) as registry:
        (line,) = await registry.usage("notes")
        assert (line.run, line.node, line.model) == (RUN, "developer", MODEL)


async def test_an_engine_without_a_gateway_makes_no_worker_that_needs_one(tmp_path: Path) -> None:
    engine = ProcessEngine(installation="test", folder=str(tmp_path))
    with pytest.raises(Broken, match="needs the model gateway, and this engine knows none"):
        await engine.spawn(spec())


def test_a_worker_without_a_network_needs_no_gateway() -> None:
    with pytest.raises(ValueError, match="cannot reach the model gateway"):
        WorkerSpec(identity="w", project="notes", run=RUN, role="developer", gateway_role="developer")


async def test_a_connection_from_another_network_is_dropped_unheard(tmp_path: Path) -> None:
    async with before(Service(pausing(events(), after=0)), tmp_path) as place:
        listener = bound("127.0.0.1", 0)
        assert listener
        server = server_of(place.proxy, IPv4Network("198.51.100.0/24"))
        serving = asyncio.create_task(server.serve([listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        heard = b""
        with suppress(ConnectionError):
            heard = await asyncio.wait_for(reader.read(), 60)
        assert heard == b""
        writer.close()
        server.should_exit = True
        await serving


def test_one_worker_cannot_take_all_connections() -> None:
    keeper = Doorkeeper(IPv4Network("198.51.100.0/24"))
    assert [keeper.takes("198.51.100.2") for _ in range(CONNECTIONS + 1)] == [True] * CONNECTIONS + [False]
    assert keeper.takes("198.51.100.3")
    keeper.let_go("198.51.100.2")
    assert keeper.takes("198.51.100.2")
    assert not keeper.takes("203.0.113.1")
