"""The watch: what a probe shows, and which events it sends."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar, cast

import pytest
import pytest_asyncio

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.protocols import GitHost
from domain.releases import RESTS, Release, ReleaseState
from domain.watching import Traffic
from domain.workers import AppSpec, AppState, AppStatus
from tasks.preparer import prepare_repository
from tasks.watch import Watch
from tasks.watch_events import CUT_OFF, RECOVERED, UNHEALTHY
from tests.fakes.engine import FakeEngine
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import COMMIT, NOW, brief, request
from tests.tasks.test_upkeep import release


class Health(BaseHTTPRequestHandler):
    status = 200
    answers: ClassVar[list[int]] = []
    """What comes before `status`."""
    body = b"{}"

    def do_GET(self) -> None:
        self.send_response(self.answers.pop(0) if self.answers else type(self).status)
        self.end_headers()
        self.wfile.write(type(self).body)

    def log_message(self, *args: object) -> None:
        return


@contextmanager
def app(status: int) -> Iterator[tuple[str, type[Health]]]:
    handler = type("Handler", (Health,), {"status": status, "answers": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", handler
    finally:
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

    def __init__(self, registry: SqlRegistry, git: GitHost, threshold: int = 3, silent_seconds: float = 60.0) -> None:
        self.registry = registry
        self.git = git
        self.engine = FakeEngine()
        self.told: list[tuple[str, str]] = []
        self.platform: list[tuple[int, int]] = []
        self.now = 0.0
        self.traffic: dict[str, Traffic] = {}
        self.fresh: dict[str, Traffic] = {}
        """What the next reading of the log finds, and no other."""
        self.watch = Watch(
            registry,
            self.engine,
            git,
            MemoryVault(),
            threshold=threshold,
            traffic=self.read_log,
            tell=lambda event, probe: self.told.append((event, probe.complaint)),
            tell_platform=lambda unwell, watched: self.platform.append((unwell, watched)),
            clock=lambda: self.now,
            now=lambda: NOW + timedelta(seconds=self.now),
            again_seconds=0.0,
            silent_seconds=silent_seconds,
        )

    def read_log(self) -> dict[str, Traffic]:
        found, self.fresh = {**self.traffic, **self.fresh}, {}
        return found

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


async def test_unwell_release_is_told_as_often_as_an_answer_needs_then_each_minute_and_its_recovery_once(world: World) -> None:
    bad = (UNHEALTHY, "/health answers 500")
    with app(500) as (address, handler):
        await world.serve_at(address)
        await world.watch.look()
        assert world.told == [bad] * 3
        world.now = 59
        await world.watch.look()
        assert world.told == [bad] * 3
        world.now = 60
        await world.watch.look()
        assert world.told == [bad] * 6
        handler.status = 200
        await world.watch.look()
        await world.watch.look()
    assert world.told == [bad] * 6 + [(RECOVERED, "")]


async def test_one_bad_answer_among_good_ones_is_told_once(world: World) -> None:
    with app(200) as (address, handler):
        handler.answers = [500]
        await world.serve_at(address)
        await world.watch.look()
    assert world.told == [(UNHEALTHY, "/health answers 500")]


async def test_app_that_does_not_listen_is_unwell(world: World) -> None:
    await world.serve_at("127.0.0.1:1")
    await world.watch.look()
    assert world.told == [(UNHEALTHY, "/health does not answer (All connection attempts failed)")] * 3


async def test_app_that_is_cut_off_by_no_fault_of_its_own_is_told_once_and_nothing_is_taken_back(world: World) -> None:
    with app(503) as (address, handler):
        handler.body = b'{"status": "no updates", "reason": "the token is refused (401)", "outside": true}'
        await world.serve_at(address)
        await world.watch.look()
        await world.watch.look()
        assert world.told == [(CUT_OFF, "/health answers 503 (the token is refused (401))")]
        handler.body = b'{"reason": "stuck"}'
        await world.watch.look()
    assert world.told[1:] == [(UNHEALTHY, "/health answers 503 (stuck)")] * 3


async def test_release_that_rests_for_another_is_not_spoken_of(world: World) -> None:
    with app(200) as (address, _):
        await world.serve_at(address)
        fence = await world.registry.fence("notes")
        await world.registry.move_release("notes", 1, ReleaseState.LIVE, address=RESTS, fence=fence)
        await world.engine.stop("notes-v1")
        assert await world.watch.look() == []
    assert world.told == []


async def test_release_that_is_stopped_for_another_while_it_is_looked_at_is_not_spoken_of(world: World) -> None:
    with app(200) as (address, _):
        await world.serve_at(address)
        listing = world.engine.apps

        async def stopped_meanwhile(project: str | None = None) -> Sequence[AppStatus]:
            fence = await world.registry.fence("notes")
            await world.registry.move_release("notes", 1, ReleaseState.LIVE, address=RESTS, fence=fence)
            await world.engine.stop("notes-v1")
            return await listing(project)

        world.engine.apps = stopped_meanwhile  # type: ignore[method-assign]
        [probe] = await world.watch.look()
    assert probe.complaint == "the app is stopped (exit code 0)"
    assert world.told == []


async def test_silent_app_is_asked_again_before_the_first_probe_has_given_up(world: World) -> None:
    all_three = asyncio.Barrier(3)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await all_three.wait()
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    impatient = World(world.registry, world.git, silent_seconds=0.0)
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        await impatient.serve_at(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await impatient.watch.look()
    assert impatient.told == [(UNHEALTHY, "/health answers 503")] * 3


async def test_app_that_is_slow_to_answer_is_well(world: World) -> None:
    impatient = World(world.registry, world.git, silent_seconds=0.0)
    with app(200) as (address, _):
        await impatient.serve_at(address)
        assert [probe.complaint for probe in await impatient.watch.look()] == [""]
    assert impatient.told == []


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
    assert world.told == [(UNHEALTHY, says)] * 3


async def test_app_that_the_engine_started_again_between_two_looks_is_unwell_although_it_answers(world: World) -> None:
    with app(200) as (address, _):
        await world.serve_at(address)
        steady = AppStatus(identity="notes-v1", state=AppState.RUNNING, address=address, restarts=1)
        world.engine.app_states["notes-v1"] = [steady, steady.model_copy(update={"restarts": 2})]
        await world.watch.look()
        assert world.told == []  # what was before the first look is its deploy's affair
        await world.watch.look()
    assert world.told == [(UNHEALTHY, "the app ended and was started again")]


async def test_release_whose_people_get_errors_is_unwell_although_its_health_path_is_fine(world: World) -> None:
    with app(200) as (address, _):
        await world.serve_at(address)
        world.traffic = {address: Traffic(requests=20, failed=10)}
        await world.watch.look()
    assert world.told == [(UNHEALTHY, "10 of the last 20 requests were answered with an error of the server")] * 3


async def test_errors_that_go_on_are_told_at_each_look_that_sees_new_ones_until_an_answer_is_due(world: World) -> None:
    with app(200) as (address, _):
        await world.serve_at(address)
        for _ in range(5):  # the log is read once a look; the looks that follow at once find nothing new in it
            world.fresh = {address: Traffic(requests=20, failed=10)}
            await world.watch.look()
    assert world.told == [(UNHEALTHY, "10 of the last 20 requests were answered with an error of the server")] * 3


class NoManifest:
    """Reads from projects that have no app.json; one of them has one that cannot be read."""

    async def read(self, project: str, commit: str, paths: Sequence[str]) -> dict[str, str]:
        return {"app.json": "{"} if project == "odd" else {}


async def test_app_that_was_started_again_is_given_its_time_until_it_was_well_or_that_is_over(world: World) -> None:
    with app(503) as (address, health):
        await world.serve_at(address)
        world.engine.since["notes-v1"], world.now = NOW + timedelta(seconds=100), 110.0
        await world.watch.look()
        assert world.told == []
        health.answers[:] = [200]
        await world.watch.look()
        await world.watch.look()
        assert [event for event, _ in world.told] == [UNHEALTHY] * 3, "it was well, and broke"


@pytest.mark.parametrize(("started", "restarts", "now"), [(100, 0, 161), (100, 1, 110), (-1, 0, 1)])
async def test_time_that_is_over_a_crash_and_a_fresh_release_are_spoken_of(
    world: World, started: int, restarts: int, now: float
) -> None:
    with app(503) as (address, _):
        await world.serve_at(address)
        since = NOW + timedelta(seconds=started)
        status = (await world.engine.status("notes-v1")).model_copy(update={"started": since, "restarts": restarts})
        world.engine.app_states["notes-v1"], world.now = [status], now
        await world.watch.look()
    assert [event for event, _ in world.told] == [UNHEALTHY] * 3


async def test_hanging_apps_and_an_unreadable_manifest_delay_and_blame_nobody_else(
    registry: SqlRegistry, tmp_path: Path
) -> None:
    world = World(registry, cast(GitHost, NoManifest()))
    hanging, well = [f"hang-{number}" for number in range(110)], [f"well-{number}" for number in range(8)]
    with app(200) as (address, _), socket.create_server(("127.0.0.1", 0), backlog=400) as silent:
        world.engine.address = address
        for number, project in enumerate([*hanging, *well, "odd"]):
            made = await live_release(registry, world.engine, project, number)
            if project in hanging:
                at = f"127.0.0.1:{silent.getsockname()[1]}"
                world.engine.app_states[made.identity] = [AppStatus(identity=made.identity, state=AppState.RUNNING, address=at)]
        probes = await world.watch.look()
    complaints = {probe.release.project: probe.complaint for probe in probes}
    assert {complaints[name] for name in hanging} == {"/health does not answer (no answer within 3 s)"}
    assert {complaints[name] for name in well} == {""}
    assert "app.json" in complaints["odd"]


async def test_most_apps_unwell_at_once_are_the_machines_fault_and_no_releases(registry: SqlRegistry) -> None:
    world = World(registry, cast(GitHost, NoManifest()))
    for number in range(4):
        await live_release(registry, world.engine, f"app-{number}", number)
    await world.watch.look()
    assert (world.told, world.platform) == ([], [(4, 4)])


async def live_release(registry: SqlRegistry, engine: FakeEngine, project: str, number: int) -> Release:
    run = f"r-9{number:05}"
    await registry.add_project(brief(project), "local:me", f"{project}.localhost", NOW)
    await registry.add_run(request(run, project), NOW)
    version, fence = await registry.add_environment(project, {}, {}), await registry.next_fence(project)
    made = await registry.add_release(project, run, COMMIT, "sha256:1", version.number, NOW, fence=fence)
    await engine.start(AppSpec(identity=made.identity, project=project, run=run, candidate=made.candidate))
    return await registry.promote(project, made.number, "127.0.0.1:1", ReleaseState.DRAINING, "", NOW, fence=fence)
