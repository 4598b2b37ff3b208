"""A change comes up beside what serves; whatever is killed, one preview is up and what serves was not touched."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from blocks.registry.block import SqlRegistry
from domain.data_errors import DataBeingReplaced
from domain.errors import BadInput
from domain.outcomes import Rejected
from domain.previews import Preview, PreviewState
from domain.releases import ReleaseState
from domain.routes import Route
from domain.runs import RunState
from domain.snapshots import Snapshot, SnapshotState
from domain.workers import AppSpec, AppState, AppStatus
from tasks.domains import add_domain
from tasks.janitor import remove_candidates
from tasks.leases import claim
from tasks.previews import start_preview
from tasks.reconciler import pause_apps, reconcile_routes, resume_apps
from tasks.removal import remove_project
from tasks.secret_use import forget_superseded, forget_values
from tests.fakes.bot_accounts import MemoryAccounts
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy
from tests.tasks.conftest import NOW
from tests.tasks.fragile import Fate, Fragile, Killed
from tests.tasks.preview_bench import RUN, Stage
from tests.tasks.test_watch import app


@pytest_asyncio.fixture
async def stage(registry: SqlRegistry, tmp_path: Path) -> AsyncIterator[Stage]:
    with app(200) as (address, _):
        yield Stage(registry, tmp_path, address)


def own_route(preview: Preview, stage: Stage) -> Route:
    return Route(project="notes.p1", hosts=("notes-1.localhost",), upstream=stage.engine.address)


async def test_preview_is_up_under_its_own_host_with_its_own_data_and_what_serves_is_not_touched(stage: Stage) -> None:
    base = await stage.serve()
    preview = await stage.up(await stage.change(base))

    assert (preview.number, preview.state, preview.address) == (1, PreviewState.UP, "http://notes-1.localhost")
    assert stage.proxy.held == {"notes.p1": own_route(preview, stage)}
    spec = stage.engine.live_apps["notes-p1"]
    assert (spec.role, spec.data, spec.run) == ("preview", "copy", RUN)
    assert spec.environment == {"PUBLIC_URL": "http://notes-1.localhost"}
    assert spec.limits == stage.engine.live_apps["notes-v1"].limits
    assert [release.state for release in await stage.registry.releases("notes")] == [ReleaseState.LIVE]
    assert await stage.git.head("notes") == base
    assert (await stage.registry.checks("notes"), (await stage.registry.projects())[0].title) == ((), "Notes")
    assert stage.wakeups.owners == {}
    assert [line.what for line in await stage.registry.history("notes")] == ["preview 1 is up"]


async def test_card_of_its_run_is_told_where_it_is(stage: Stage) -> None:
    preview = await stage.up(await stage.change(await stage.serve()))
    [line] = [line for line in await stage.registry.progress(RUN) if line.kind == "note"]
    assert (line.data["preview"], line.data["address"]) == (1, "http://notes-1.localhost")
    assert line.text == f"preview 1 is up: {preview.address}"


async def test_preview_that_never_gets_healthy_fails_and_nothing_of_it_is_left(stage: Stage) -> None:
    change = await stage.change(await stage.serve())
    gone = AppStatus(identity="notes-p1", project="notes", state=AppState.STOPPED, exit_code=3)
    stage.engine.app_states["notes-p1"] = [gone]
    stage.engine.app_logs["notes-p1"] = "ImportError: no module named app"

    end = await stage.put_up(change)

    assert isinstance(end, Rejected)
    assert "ImportError" in end.evidence
    assert ((await stage.row()).state, (await stage.row()).reason) == (PreviewState.FAILED, end.reason)
    assert await stage.clear() == ["notes-p1"]
    assert (set(stage.engine.live_apps), stage.proxy.held) == ({"notes-v1"}, {})
    assert isinstance(await stage.put_up(change), Rejected)


async def test_copy_that_dies_after_its_gate_gets_no_host(stage: Stage) -> None:
    change = await stage.change(await stage.serve())
    well = AppStatus(identity="notes-p1", project="notes", state=AppState.RUNNING, address=stage.engine.address)
    stage.engine.app_states["notes-p1"] = [well, well.model_copy(update={"state": AppState.STOPPED, "address": ""})]
    assert isinstance(await stage.put_up(change), Rejected)
    assert stage.proxy.held == {}
    assert (await stage.row()).state is PreviewState.FAILED


MOMENTS = 48


@pytest.mark.parametrize("part", range(4))
async def test_killed_at_any_moment_one_preview_comes_up(part: int, registry: SqlRegistry, tmp_path: Path) -> None:
    with app(200) as (address, _):
        stage = Stage(registry, tmp_path, address)
        base = await stage.serve()
        for at in range(part + 1, MOMENTS + 1, 4):
            change = await stage.change(base, f"r-change{at}")
            with pytest.raises(Killed) as killed:
                await fragile(stage, Fate(at)).put_up(change)
            moment = f"{at}: {killed.value}"
            preview = await stage.up(change)
            assert preview.run == change.run, moment
            copies = [spec.identity for spec in stage.engine.live_apps.values() if spec.run == change.run]
            assert copies == [preview.identity], moment
            assert stage.proxy.held[preview.route_name].hosts == (preview.host,), moment
            lines = [line for line in await registry.progress(change.run) if "preview" in line.data]
            assert len(lines) == 1, moment
        told = [line.what for line in await registry.history("notes") if line.what.startswith("preview")]
        assert len(told) == len(set(told))
        assert await reconcile_routes(registry, stage.engine, stage.proxy, stage.wakeups) == ("notes",)


async def test_the_moments_of_a_whole_preview_are_all_tried(stage: Stage) -> None:
    change, fate = await stage.change(await stage.serve()), Fate()
    await fragile(stage, fate).put_up(change)
    assert len(fate.passed) == MOMENTS
    assert {"before add_preview", "after start", "before move_preview", "after set_route", "after unlock"} <= set(fate.passed)


def fragile(stage: Stage, fate: Fate) -> Stage:
    """Return the stage as a process sees it that may die at each call; what it touches is the same."""
    life = object.__new__(Stage)
    life.__dict__.update(stage.__dict__)
    for name in ("registry", "engine", "proxy", "wakeups"):
        setattr(life, name, Fragile(getattr(stage, name), fate))
    return life


async def test_caddy_that_lost_its_state_leads_to_previews_again(stage: Stage) -> None:
    preview = await stage.up(await stage.change(await stage.serve()))
    stage.proxy = MemoryProxy()
    assert set(await reconcile_routes(stage.registry, stage.engine, stage.proxy, stage.wakeups)) == {"notes", "notes.p1"}
    assert stage.proxy.held["notes.p1"] == own_route(preview, stage)
    assert stage.proxy.held["notes"].hosts == ("notes.localhost",)
    assert await reconcile_routes(stage.registry, stage.engine, stage.proxy, stage.wakeups) == ()


async def test_preview_rests_with_the_installation_and_comes_back_with_it(stage: Stage) -> None:
    await stage.up(await stage.change(await stage.serve()))
    await pause_apps(stage.engine)
    assert stage.engine.stopped == {"notes-v1", "notes-p1"}
    assert await resume_apps(stage.registry, stage.engine, stage.vault) == []
    assert stage.engine.stopped == set()


async def test_deploy_under_way_is_waited_for_and_nothing_of_it_is_delayed_before(stage: Stage) -> None:
    change = await stage.change(await stage.serve())
    await claim("notes", "r-other", stage.registry, stage.wakeups)
    preview = await stage.announce(change)
    assert (preview.state, stage.wakeups.owners) == (PreviewState.STARTING, {"deploy:notes": "r-other"})


async def test_candidate_of_an_open_preview_is_kept_and_that_of_an_ended_one_goes(stage: Stage) -> None:
    preview = await stage.up(await stage.change(await stage.serve()))
    stage.engine.made = {preview.candidate: "notes", "sha256:1": "notes"}
    for run in await stage.registry.runs("notes"):
        await stage.registry.update_run(run.id, state=RunState.DELIVERED, ended=NOW)
    assert await remove_candidates.fn(stage.registry, stage.engine) == []
    await stage.registry.move_preview("notes", 1, PreviewState.REMOVED)
    await stage.clear()
    assert await remove_candidates.fn(stage.registry, stage.engine) == [preview.candidate]


async def test_host_of_a_preview_is_no_domain(stage: Stage) -> None:
    await stage.up(await stage.change(await stage.serve()))
    with pytest.raises(Exception, match=r"notes-1\.localhost is a preview of a project until that ends"):
        await add_domain(
            "notes", "notes-1.localhost", "me", "localhost", stage.registry, stage.engine, stage.proxy, stage.wakeups
        )


async def test_project_that_is_removed_leaves_nothing_of_its_previews(stage: Stage) -> None:
    await stage.up(await stage.change(await stage.serve()))
    await remove_project("notes", "me", stage.registry, stage.engine, stage.proxy, stage.vault, stage.git, MemoryAccounts())
    assert (stage.engine.live_apps, stage.proxy.held, await stage.registry.previews()) == ({}, {}, ())


async def test_secret_of_an_open_preview_is_not_forgotten(stage: Stage) -> None:
    await stage.announce(await stage.change(await stage.serve()))
    old = stage.vault.hold("notes", "TOKEN", "one")
    stage.vault.hold("notes", "TOKEN", "two")
    version = await stage.registry.add_environment("notes", {"TOKEN": old}, {})
    await stage.registry.move_preview("notes", 1, PreviewState.UP, environment_version=version.number)
    later = datetime.now(UTC) + timedelta(days=30)
    assert await forget_superseded.fn(stage.registry, stage.vault, later) == []
    with pytest.raises(BadInput, match="preview 1 of notes is up with it: confirm or drop it first"):
        await forget_values("notes", [old], "me", stage.registry, stage.engine, stage.vault, stage.wakeups)
    await stage.registry.move_preview("notes", 1, PreviewState.REMOVED)
    assert await forget_superseded.fn(stage.registry, stage.vault, later) == [old]


def snapshot(state: SnapshotState, reference: str = "v1") -> Snapshot:
    return Snapshot(project="notes", release=1, reference=reference, state=state, taken=NOW)


async def put(registry: SqlRegistry, row: Snapshot) -> None:
    await registry.put_snapshot(row, fence=await registry.fence("notes"))


async def start(stage: Stage, preview: Preview, engine: FakeEngine | None = None) -> Preview:
    version = await stage.registry.add_environment("notes", {}, {})
    return await start_preview.fn(preview, version.number, "web", stage.registry, engine or stage.engine, stage.vault)


async def test_data_that_is_half_replaced_is_not_copied(stage: Stage) -> None:
    preview = await stage.announce(await stage.change(await stage.serve()))
    await put(stage.registry, snapshot(SnapshotState.RESTORING))
    with pytest.raises(DataBeingReplaced, match="the data of notes is being replaced by that of snapshot v1"):
        await start(stage, preview)
    assert set(stage.engine.live_apps) == {"notes-v1"}
    await put(stage.registry, snapshot(SnapshotState.RESTORED))
    await start(stage, preview)
    assert set(stage.engine.live_apps) == {"notes-v1", "notes-p1"}


@pytest.mark.parametrize("end", [SnapshotState.RESTORING, SnapshotState.RESTORED])
async def test_what_was_copied_while_a_restore_began_is_given_up(stage: Stage, end: SnapshotState) -> None:
    preview = await stage.announce(await stage.change(await stage.serve()))
    meanwhile = Restoring(stage.registry, [snapshot(SnapshotState.TAKEN, "v1-undo"), snapshot(end)])
    with pytest.raises(DataBeingReplaced):
        await start(stage, preview, meanwhile)
    assert (set(meanwhile.live_apps), meanwhile.own_data) == (set(), {})
    await put(stage.registry, snapshot(SnapshotState.RESTORED))
    await start(stage, preview, meanwhile)
    assert set(meanwhile.live_apps) == {"notes-p1"}


class Restoring(FakeEngine):
    """An engine on which a restore begins while it starts the first copy."""

    def __init__(self, registry: SqlRegistry, rows: Sequence[Snapshot]) -> None:
        super().__init__()
        self._registry = registry
        self._rows = [*rows]

    async def start(self, spec: AppSpec) -> AppStatus:
        while self._rows:
            await put(self._registry, self._rows.pop(0))
        return await super().start(spec)


async def test_preview_writes_into_no_server_of_the_persons(stage: Stage) -> None:
    preview = await stage.announce(await stage.change(await stage.serve()))
    live = stage.vault.hold("notes", "DATABASE_URL", "postgresql://me:own@db.example/notes")
    version = await stage.registry.add_environment("notes", {"DATABASE_URL": live}, {})
    await start_preview.fn(preview, version.number, "web", stage.registry, stage.engine, stage.vault)
    assert stage.engine.live_apps["notes-p1"].environment == {"DATABASE_URL": "sqlite:///${DATA_DIR}/app.db"}
