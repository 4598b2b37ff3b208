"""What is told of a preview is how it ended, whatever is away when it is cleared; and a change is on main if it is live."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from blocks.registry.block import SqlRegistry
from deployments.desk.previewing import confirm_preview, take_away
from deployments.prefect_server.catalog import CATALOG, apply
from deployments.prefect_server.pools import ensure_pool
from domain.errors import BadInput, ServiceUnreachable
from domain.health import HealthCheck
from domain.outcomes import Escalated, Overtaken, Previewed, Rejected, Released
from domain.previews import Preview, PreviewedChange, PreviewState, why_no_preview
from domain.resources import ResourceKind
from domain.runs import Origin, ReleaseRequest, RunState
from flows.engineering import Commission, engineer
from flows.preview import put_up
from tasks.previews import announce_preview
from tasks.readiness import Readiness
from tests.conftest import PrefectServer
from tests.fakes.messages_api import ScriptedMessagesAPI, use
from tests.fakes.services import MemoryProxy
from tests.flows.releases_bench import Site, in_flow, put_again, site
from tests.tasks.conftest import NOW, brief, registry  # noqa: F401  (a fixture among them)
from tests.tasks.conftest import request as run_request
from tests.tasks.test_roles import PLAN, claude, say

ME = Origin(channel="cli", person="local:me")


class Keeping(MemoryProxy):
    """A Caddy that is away whenever a route is to be removed."""

    async def remove_route(self, project: str, fence: int | None = None) -> None:
        raise ServiceUnreachable("Caddy", f"removing the route of {project}")


@pytest_asyncio.fixture
async def place(prefect_api: PrefectServer, registry: SqlRegistry, tmp_path: Path) -> AsyncIterator[Site]:  # noqa: F811
    async with site(registry, tmp_path) as made:
        await made.serve(1)
        yield made


async def changed(place: Site, folder: Path) -> PreviewedChange:
    """Let a delivery have built a change of what serves."""
    await place.registry.add_run(run_request("r-change1", change=True), NOW)
    work = folder / "work"
    await place.blocks.git.checkout("notes", place.commit, work)
    (work / "NEWS").write_text("better")
    made = await place.blocks.git.commit_tree(
        "notes", work, branch="run/r-change1", parent=place.commit, message="better", author="a <a@b.c>"
    )
    return PreviewedChange(
        project="notes", run="r-change1", commit=made.sha, candidate="sha256:2", base=place.commit,
        brief=brief(title="Better notes"), checks=(),
    )  # fmt: skip


async def up(place: Site, change: PreviewedChange) -> Preview:
    await place.registry.add_preview(change, "localhost", NOW, datetime.now(UTC) + timedelta(days=3))
    return await place.registry.move_preview("notes", 1, PreviewState.UP, address="http://notes-1.localhost")


async def confirmed(place: Site, preview: Preview, run: str) -> Released | Rejected | Overtaken | Escalated:
    request = ReleaseRequest(
        run=run, project="notes", request="preview 1 was confirmed", commit=preview.commit, candidate="sha256:2",
        origin=ME, preview=1,
    )  # fmt: skip
    return await put_again(place, request)


async def test_change_that_gives_the_app_its_first_database_is_refused_before_anything_is_built(
    place: Site, tmp_path: Path
) -> None:
    place.blocks.installation.model_of = lambda role: "claude-sonnet-5-5"
    wanted = run_request("r-change2", change=True, preview="copy")
    await place.registry.add_run(wanted, NOW)
    with ScriptedMessagesAPI([say(use("submit_plan", **PLAN, addons=["postgres"]))]) as api:
        place.blocks.model = claude(api)
        end = await in_flow(lambda: engineer(Commission(request=wanted, rounds=3), place.blocks))
    assert end == Escalated(reason=why_no_preview("", (ResourceKind.POSTGRES,)) or "")


async def test_change_that_is_live_is_told_so_when_nothing_can_be_cleared_now(place: Site, tmp_path: Path) -> None:
    preview = await up(place, await changed(place, tmp_path))
    place.blocks.proxy = Keeping()
    outcome = await confirmed(place, preview, "r-live21")
    assert isinstance(outcome, Released), outcome
    [row] = await place.registry.previews("notes")
    assert (row.state, row.cleared, place.wakeups.owners) == (PreviewState.PROMOTED, None, {})
    assert await place.blocks.git.head("notes") == preview.commit


async def test_preview_that_is_unfit_is_told_so_when_nothing_can_be_cleared_now(place: Site, tmp_path: Path) -> None:
    change = await changed(place, tmp_path)
    version = await place.registry.add_environment("notes", {}, {})
    place.blocks.proxy, place.blocks.installation.preview_days = Keeping(), 3.0
    place.dies("notes-p1")

    async def shown() -> Previewed | Rejected:
        preview = await announce_preview(change, "localhost", 3.0, place.registry)
        return await put_up(preview, version, Readiness(process="web", health=HealthCheck(path="/health")), place.blocks)

    assert isinstance(await in_flow(shown), Rejected)


async def test_change_whose_release_failed_is_not_on_main(place: Site, tmp_path: Path) -> None:
    preview = await up(place, await changed(place, tmp_path))
    place.dies("notes-v2")
    outcome = await confirmed(place, preview, "r-live22")
    assert isinstance(outcome, Rejected), outcome
    assert await place.blocks.git.head("notes") == place.commit
    [row] = await place.registry.previews("notes")
    assert row.state is PreviewState.UP


async def test_preview_that_a_run_puts_online_is_not_dropped(place: Site, tmp_path: Path) -> None:
    await ensure_pool()
    for entry in CATALOG:
        if entry.flow == "release":
            await apply(entry)
    await up(place, await changed(place, tmp_path))
    blocks = place.blocks
    run = await confirm_preview("notes", None, ME, place.registry, blocks.git)

    async def drop() -> Preview:
        return await take_away("notes", 1, "local:me", place.registry, blocks.engine, blocks.proxy, place.wakeups, blocks.git)

    with pytest.raises(
        BadInput, match=f"run {run.id} puts preview 1 of notes online: stop it first, `slipway cancel {run.id}`"
    ):
        await drop()
    await place.registry.update_run(run.id, state=RunState.CANCELLED, ended=NOW)
    assert (await drop()).state is PreviewState.REMOVED
