"""The watch: what a probe shows, and which events it sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import pytest_asyncio

from blocks.git_host import BareGitHost
from blocks.registry import SqlRegistry
from domain.workers import AppState, AppStatus
from tasks.preparer import prepare_repository
from tasks.watch import RECOVERED, UNHEALTHY, Watch
from tests.fakes.engine import FakeEngine
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import brief
from tests.tasks.test_upkeep import release


class Health(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(type(self).status)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: object) -> None:
        return


@contextmanager
def app(status: int) -> Iterator[tuple[str, type[Health]]]:
    handler = type("Handler", (Health,), {"status": status})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}", handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest_asyncio.fixture
async def world(registry: SqlRegistry, tmp_path: Path) -> "World":
    world = World(registry, BareGitHost(folder=str(tmp_path / "git")))
    await prepare_repository.fn("r-000001", brief(), world.git)
    return world


class World:
    """One live release, its app, and what the watch says of it."""

    def __init__(self, registry: SqlRegistry, git: BareGitHost) -> None:
        self.registry = registry
        self.git = git
        self.engine = FakeEngine()
        self.told: list[tuple[str, str]] = []
        self.vault = MemoryVault()
        self.watch = Watch(
            registry, self.engine, git, self.vault, lambda event, probe: self.told.append((event, probe.complaint))
        )

    async def serve_at(self, address: str) -> None:
        self.engine.address = address
        head = await self.git.head("notes")
        await release(self.registry, self.engine, 1, commit=head)


async def test_release_that_answers_is_not_spoken_of(world: World) -> None:
    with app(200) as (address, _):
        await world.serve_at(address)
        probes = await world.watch.look()
    assert [probe.complaint for probe in probes] == [""]
    assert world.told == []


async def test_every_bad_probe_is_told_and_then_one_recovery(world: World) -> None:
    with app(500) as (address, handler):
        await world.serve_at(address)
        await world.watch.look()
        await world.watch.look()
        handler.status = 200
        await world.watch.look()
        await world.watch.look()
    assert world.told == [(UNHEALTHY, "/health answers 500")] * 2 + [(RECOVERED, "")]


async def test_app_that_does_not_listen_is_unwell(world: World) -> None:
    await world.serve_at("127.0.0.1:1")
    await world.watch.look()
    assert world.told == [(UNHEALTHY, "/health does not answer (ConnectError)")]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (AppStatus(identity="notes-v1", state=AppState.STOPPED, exit_code=3), "the app is stopped (exit code 3)"),
        (AppStatus(identity="notes-v1", state=AppState.STOPPED, out_of_memory=True), "the app ran out of memory"),
        (AppStatus(identity="notes-v1", state=AppState.RESTARTING, exit_code=1), "the app is restarting (exit code 1)"),
    ],
)
async def test_app_that_does_not_run_is_unwell_with_the_cause(world: World, status: AppStatus, says: str) -> None:
    await world.serve_at("127.0.0.1:1")
    world.engine.app_states["notes-v1"] = [status]
    await world.watch.look()
    assert world.told == [(UNHEALTHY, says)]


async def test_what_is_told_of_an_app_holds_no_secret_of_its_project(world: World, tmp_path: Path) -> None:
    """The path and the content that are asked for stand in app.json, which its developer writes."""
    await world.vault.put("notes", "WATCH_TOKEN", "tok-4c1e9d77aa")
    asks = '{"healthchecks": {"web": [{"type": "startup", "path": "/health?key=tok-4c1e9d77aa"}]}}'
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "app.json").write_text(asks)
    head = await world.git.head("notes")
    await world.git.commit_tree("notes", tmp_path / "tree", branch="main", parent=head, message="m", author="a <a@b.c>")
    with app(500) as (address, _):
        await world.serve_at(address)
        await world.watch.look()
    assert world.told == [(UNHEALTHY, "/health?key=«secret WATCH_TOKEN» answers 500")]
