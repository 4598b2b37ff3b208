"""Reconciler, janitor, removal and notifications: what keeps the world as the registry says."""

from pathlib import Path

import pytest

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.candidates import Built
from domain.checks import HttpCheck, HttpStep
from domain.errors import RunCancelled
from domain.releases import Release, ReleaseState
from domain.routes import Route
from domain.runs import RunState
from domain.snapshots import Snapshot, SnapshotState
from domain.workers import AppSpec, WorkerSpec
from tasks.janitor import remove_candidates, remove_orphans, remove_retired
from tasks.leases import claim, give_back
from tasks.notify import end_run
from tasks.progress import Journal
from tasks.reconciler import pause_apps, reconcile_routes, resume_apps
from tasks.removal import remove_project
from tests.fakes.bot_accounts import MemoryAccounts
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import COMMIT, NOW, request

CHECK = HttpCheck(id="list", covers="keep", title="listed", steps=(HttpStep(path="/"),))


async def release(registry: SqlRegistry, engine: FakeEngine, number: int, commit: str | None = COMMIT) -> Release:
    """Make one more release of `notes`, with its copy, and the one before it kept."""
    run = f"r-{number:06}"
    await registry.add_run(request(run), NOW)
    version = await registry.add_environment("notes", {}, {})
    assert commit is not None
    fence = await registry.next_fence("notes")
    made = await registry.add_release("notes", run, commit, f"sha256:{number}", version.number, NOW, fence=fence)
    spec = AppSpec(identity=made.identity, project="notes", run=run, candidate=made.candidate)
    await engine.start(spec)
    made = await registry.promote("notes", number, "127.0.0.1:1", ReleaseState.DRAINING, "", NOW, fence=fence)
    for old in await registry.releases("notes"):
        if old.state is ReleaseState.DRAINING:
            await registry.move_release("notes", old.number, ReleaseState.KEPT, fence=fence)
    return made


async def test_live_release_that_does_not_run_is_started_again_and_routed(registry: SqlRegistry) -> None:
    engine, proxy, vault = FakeEngine(address="127.0.0.1:7"), MemoryProxy(), MemoryVault()
    await release(registry, engine, 1)
    await pause_apps(engine)
    assert engine.stopped == {"notes-v1"}

    assert await resume_apps(registry, engine, vault) == []
    await reconcile_routes(registry, engine, proxy, MemoryWakeups())

    assert engine.stopped == set()
    assert list(proxy.held.values()) == [Route(project="notes", hosts=("notes.localhost",), upstream="127.0.0.1:7")]


async def test_copy_that_is_gone_is_made_again_from_its_candidate(registry: SqlRegistry) -> None:
    engine = FakeEngine()
    await release(registry, engine, 1)
    await engine.remove("notes-v1")
    assert await resume_apps(registry, engine, MemoryVault()) == []
    assert engine.live_apps["notes-v1"].candidate == "sha256:1"


async def test_no_copy_is_started_on_data_that_may_be_half_replaced(registry: SqlRegistry) -> None:
    engine = FakeEngine()
    await release(registry, engine, 1)
    await pause_apps(engine)
    row = Snapshot(project="notes", release=1, reference="v1", state=SnapshotState.RESTORING, taken=NOW)
    fence = await registry.fence("notes")
    await registry.put_snapshot(row, fence=fence)

    [failure] = await resume_apps(registry, engine, MemoryVault())

    assert "notes stays stopped until its data is that of snapshot v1" in failure
    assert engine.stopped == {"notes-v1"}
    await registry.put_snapshot(row.model_copy(update={"state": SnapshotState.RESTORED}), fence=fence)
    assert await resume_apps(registry, engine, MemoryVault()) == []
    assert engine.stopped == set()


async def test_routes_that_are_right_are_not_touched_and_foreign_ones_go(registry: SqlRegistry) -> None:
    engine, proxy = FakeEngine(address="127.0.0.1:7"), MemoryProxy()
    await release(registry, engine, 1)
    await proxy.set_route(Route(project="ghost", hosts=("ghost.localhost",), upstream="127.0.0.1:8"), 1)
    await reconcile_routes(registry, engine, proxy, MemoryWakeups())
    await reconcile_routes(registry, engine, proxy, MemoryWakeups())
    assert set(proxy.held) == {"notes"}
    assert [route.project for route in proxy.switches] == ["ghost", "notes"]


async def test_proxy_that_lost_its_state_gets_no_older_route_over_a_switch_that_comes_between(registry: SqlRegistry) -> None:
    engine, proxy, wakeups = FakeEngine(address="127.0.0.1:7"), MemoryProxy(), MemoryWakeups()
    await release(registry, engine, 1)
    new = Route(project="notes", hosts=("notes.localhost",), upstream="127.0.0.1:8")

    async def switched() -> list[Route]:
        """Tell what the proxy has; then a deploy that began since sets its route and is done."""
        lease = await claim("notes", "r-000002", registry, wakeups)
        assert lease is not None
        await proxy.set_route(new, lease.fence)
        engine.address = "127.0.0.1:8"
        await give_back(lease, registry, wakeups)
        return []

    proxy.routes = switched  # type: ignore[method-assign]
    assert await reconcile_routes(registry, engine, proxy, wakeups) == ("notes",)
    assert proxy.held == {"notes": new}
    assert {route.upstream for route in proxy.switches} == {"127.0.0.1:8"}


async def test_route_of_a_project_that_is_being_deployed_is_left_to_its_deploy(registry: SqlRegistry) -> None:
    engine, proxy, wakeups = FakeEngine(address="127.0.0.1:7"), MemoryProxy(), MemoryWakeups()
    await release(registry, engine, 1)
    new = Route(project="notes", hosts=("notes.localhost",), upstream="127.0.0.1:8")
    await proxy.set_route(new, 1)
    await wakeups.lock("deploy:notes", "r-000002", 60)
    assert await reconcile_routes(registry, engine, proxy, wakeups) == ()
    assert proxy.held["notes"] == new
    await wakeups.unlock("deploy:notes", "r-000002")
    assert await reconcile_routes(registry, engine, proxy, wakeups) == ("notes",)
    assert proxy.held["notes"].upstream == "127.0.0.1:7"
    assert wakeups.owners == {}


async def test_workers_and_rehearsals_of_ended_runs_go_and_others_stay(registry: SqlRegistry) -> None:
    engine = FakeEngine()
    await registry.add_run(request("r-000002"), NOW)
    await registry.update_run("r-000002", state=RunState.FAILED, ended=NOW)
    for run in ("r-000001", "r-000002", "r-unknown"):
        await engine.spawn(WorkerSpec(identity=f"{run}-developer", project="notes", run=run, role="developer"))
    rehearsal = AppSpec(identity="old-rehearsal", project="notes", run="r-000002", role="rehearsal", candidate="sha256:1")
    await engine.start(rehearsal)

    removed = await remove_orphans.fn(registry, engine, MemoryWakeups())

    assert sorted(removed) == ["old-rehearsal", "r-000002-developer", "r-unknown-developer"]
    assert set(engine.live_workers) == {"r-000001-developer"}


async def test_only_the_newest_good_releases_stay_startable(registry: SqlRegistry) -> None:
    engine = FakeEngine()
    for number in range(1, 7):
        await release(registry, engine, number)
    removed = await remove_retired.fn(registry, engine, MemoryWakeups())
    assert removed == ["notes-v2", "notes-v1"]
    assert set(engine.live_apps) == {"notes-v3", "notes-v4", "notes-v5", "notes-v6"}
    assert await remove_retired.fn(registry, engine, MemoryWakeups()) == []


async def test_janitor_that_slept_through_its_lease_leaves_the_copies_to_whoever_has_the_project(registry: SqlRegistry) -> None:
    class Slow(FakeEngine):
        async def remove(self, identity: str) -> None:
            await super().remove(identity)
            await registry.next_fence("notes")  # a rollback claims the project meanwhile

    engine = Slow()
    for number in range(1, 7):
        await release(registry, engine, number)
    assert await remove_retired.fn(registry, engine, MemoryWakeups()) == []
    assert "notes-v1" in engine.live_apps


async def build(engine: FakeEngine, folder: Path, *candidates: str, project: str = "notes") -> None:
    engine.builds += [Built(candidate=candidate) for candidate in candidates]
    for _ in candidates:
        await engine.build(folder, project, "r-000001")


async def test_candidates_of_failed_rounds_go_when_no_run_of_the_project_is_open(registry: SqlRegistry, tmp_path: Path) -> None:
    engine = FakeEngine()
    await build(engine, tmp_path, "sha256:1", "sha256:red", "sha256:2")
    await build(engine, tmp_path, "sha256:3", project="other")
    await release(registry, engine, 1)
    await release(registry, engine, 2)
    await engine.remove("notes-v1")  # kept, and startable again from its candidate alone

    assert await remove_candidates.fn(registry, engine) == []  # r-000001 is open: it may be about to release one of them
    await end_runs(registry)
    assert await remove_candidates.fn(registry, engine) == ["sha256:red"]
    assert engine.made == {"sha256:1": "notes", "sha256:2": "notes", "sha256:3": "other"}


async def end_runs(registry: SqlRegistry) -> None:
    for run in await registry.runs("notes"):
        await registry.update_run(run.id, state=RunState.DELIVERED, ended=NOW)


async def test_removed_project_leaves_nothing_but_its_books(registry: SqlRegistry, tmp_path: Path) -> None:
    engine, proxy, vault, git = FakeEngine(), MemoryProxy(), MemoryVault(), BareGitHost(folder=str(tmp_path / "git"))
    await git.create("notes")
    await build(engine, tmp_path, "sha256:1", "sha256:red")
    await release(registry, engine, 1)
    await registry.set_checks("notes", "r-000001", [CHECK], ())
    await vault.put("notes", "API_TOKEN", "x" * 20)
    await proxy.set_route(Route(project="notes", hosts=("notes.localhost",), upstream="127.0.0.1:1"), 1)

    await remove_project("notes", "local:me", registry, engine, proxy, vault, git, MemoryAccounts())

    assert await registry.project("notes") is None
    assert (engine.live_apps, engine.made, proxy.held, vault.values) == ({}, {}, {}, {})
    assert not await git.exists("notes")
    run = await registry.run("r-000001")
    assert run is not None
    assert run.state is RunState.CANCELLED


async def test_route_that_is_mended_while_its_project_is_removed_leads_nowhere_afterwards(
    registry: SqlRegistry, tmp_path: Path
) -> None:
    git, proxy, wakeups = BareGitHost(folder=str(tmp_path / "git")), MemoryProxy(), MemoryWakeups()

    class Watched(FakeEngine):
        async def remove(self, identity: str) -> None:
            """Let the watch come by between the end of the route and the end of the copy."""
            assert await reconcile_routes(registry, self, proxy, wakeups) == ("notes",)
            await super().remove(identity)

    engine = Watched()
    await git.create("notes")
    await release(registry, engine, 1)

    await remove_project("notes", "local:me", registry, engine, proxy, MemoryVault(), git, MemoryAccounts())

    assert (proxy.held, engine.live_apps) == ({}, {})


async def test_end_of_a_run_is_written_and_told_once_whatever_is_repeated(registry: SqlRegistry) -> None:
    wakeups = MemoryWakeups()
    for _ in range(2):
        await end_run.fn("r-000001", RunState.DELIVERED, "it is online", "http://notes.localhost", registry, wakeups)
    await end_run.fn("r-000001", RunState.FAILED, "no, it failed", "", registry, wakeups)
    run = await registry.run("r-000001")
    assert run is not None
    assert (run.state, run.message) == (RunState.DELIVERED, "it is online")
    assert [n.text for n in await registry.unsent("cli")] == ["it is online"]
    assert [line.kind for line in await registry.progress("r-000001")] == ["end"]


async def test_journal_goes_on_without_redis_and_stops_when_its_person_stopped_the_run(registry: SqlRegistry) -> None:
    wakeups = MemoryWakeups()
    wakeups.reachable = False
    journal = Journal("r-000001", registry, wakeups)
    await journal.step("plan", "planning")
    await registry.update_run("r-000001", state=RunState.CANCELLED, ended=NOW)
    with pytest.raises(RunCancelled, match="stopped by its person"):
        await journal.step("develop", "developing")
    assert [line.text for line in await registry.progress("r-000001")] == ["planning"]
