"""release: what was accepted before goes online again, in a run of its own that is started once for one key."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from prefect.client.orchestration import get_client

from blocks.registry.block import SqlRegistry
from deployments.desk import releasing
from deployments.desk.previewing import confirm_preview
from deployments.prefect_server.catalog import CATALOG, apply
from deployments.prefect_server.pools import ensure_pool
from domain.errors import BadInput
from domain.outcomes import Rejected, Released
from domain.previews import Preview, PreviewedChange, PreviewState
from domain.releases import ReleaseState
from domain.runs import Origin, ReleaseRequest, Run, RunState
from flows.ending import write_end
from tasks.finish import describe_release
from tests.conftest import PrefectServer
from tests.flows.releases_bench import Site, in_flow, put_again, site
from tests.tasks.conftest import NOW, brief, registry  # noqa: F401  (a fixture among them)
from tests.tasks.conftest import request as run_request

ME = Origin(channel="cli", person="local:me")


@pytest_asyncio.fixture
async def place(prefect_api: PrefectServer, registry: SqlRegistry, tmp_path: Path) -> AsyncIterator[Site]:  # noqa: F811
    async with site(registry, tmp_path) as made:
        yield made


async def test_what_serves_is_released_again_under_a_run_of_its_own(place: Site) -> None:
    await place.serve(1)
    request = ReleaseRequest(
        run="r-again1", project="notes", request="a new secret", commit=place.commit, candidate="sha256:1", origin=ME
    )
    outcome = await put_again(place, request)

    assert isinstance(outcome, Released)
    assert (outcome.release.number, outcome.release.run, outcome.release.candidate) == (2, "r-again1", "sha256:1")
    assert await place.states() == {2: ReleaseState.LIVE, 1: ReleaseState.KEPT}

    async def ended() -> Any:
        return await write_end("notes", describe_release(request, outcome), place.blocks)

    await in_flow(ended)
    run = await place.registry.run("r-again1")
    assert run is not None
    assert (run.state, run.address) == (RunState.DELIVERED, "http://notes.localhost")
    assert [note.text for note in await place.registry.unsent("cli")] == [
        "notes is online as release 2 (a new secret): http://notes.localhost"
    ]


async def test_what_took_the_place_of_what_served_when_it_was_asked_for_is_released_again(place: Site) -> None:
    await place.serve(2)
    request = ReleaseRequest(
        run="r-again1",
        project="notes",
        request="a new secret",
        commit=place.commit,
        candidate="sha256:1",
        origin=ME,
        again=True,
    )
    outcome = await put_again(place, request)

    assert isinstance(outcome, Released)
    assert (outcome.release.number, outcome.release.run, outcome.release.candidate) == (3, "r-again1", "sha256:2")
    assert await place.states() == {3: ReleaseState.LIVE, 2: ReleaseState.KEPT, 1: ReleaseState.KEPT}


async def released(place: Site, run: str) -> Any:
    """Release the second candidate in a run of this name; return what came of it."""
    request = ReleaseRequest(
        run=run, project="notes", request="once more", commit=place.commit, candidate="sha256:2", origin=ME
    )
    return await put_again(place, request)


async def test_what_failed_its_health_is_not_tried_again_until_its_environment_is_another(place: Site) -> None:
    await place.serve(1)
    place.dies("notes-v2")
    assert await released(place, "r-again1") == Rejected(reason="It ended by itself (exit code 3).")
    before = list(place.engine.started)

    refused = await released(place, "r-again2")

    assert refused == Rejected(
        reason="the same candidate with the same environment failed as release 2, and what failed is not tried again: change "
        "the app, or the value that it lacks. Release 2: It ended by itself (exit code 3).",
        started=False,
    )
    assert (place.engine.started, await place.states()) == (before, {2: ReleaseState.FAILED, 1: ReleaseState.LIVE})
    await place.registry.add_environment("notes", {}, {"GREETING": "another"})
    assert isinstance(await released(place, "r-again3"), Released)
    assert await place.states() == {3: ReleaseState.LIVE, 2: ReleaseState.FAILED, 1: ReleaseState.KEPT}


async def test_one_key_is_one_run_and_one_flow_run(place: Site) -> None:
    await ensure_pool()
    for entry in CATALOG:
        if entry.flow == "release":
            await apply(entry)
    with pytest.raises(BadInput, match="serves nothing"):
        await releasing.release_again("notes", "a new secret", ME, "rotate-1", place.registry)
    await place.serve(1)

    first = await releasing.release_again("notes", "a new secret", ME, "rotate-1", place.registry)
    await place.deliver("r-000002", "sha256:2")
    again = await releasing.release_again("notes", "a new secret", ME, "rotate-1", place.registry)
    other = await releasing.release_again("notes", "a new secret", ME, "rotate-2", place.registry)

    assert (again.id, again.flow_run) == (first.id, first.flow_run)
    assert other.id != first.id
    async with get_client() as client:
        flow_run = await client.read_flow_run(first.flow_run)  # type: ignore[arg-type]
    assert flow_run.name == f"release notes ({first.id})"
    asked = flow_run.parameters["request"]
    assert (asked["candidate"], asked["again"]) == ("sha256:1", True)
    assert {f"run:{first.id}", "project:notes"} <= set(flow_run.tags)


async def previewed(place: Site) -> Preview:
    """Let a preview of what serves be up."""
    await place.registry.add_run(run_request("r-change1", change=True), NOW)
    change = PreviewedChange(
        project="notes", run="r-change1", commit=place.commit, candidate="sha256:2", base=place.commit,
        brief=brief(title="Better notes"), checks=(),
    )  # fmt: skip
    await place.registry.add_preview(change, "localhost", NOW, datetime.now(UTC) + timedelta(days=3))
    return await place.registry.move_preview("notes", 1, PreviewState.UP, address="http://notes-1.localhost")


async def test_confirmed_preview_goes_live_by_its_candidate_and_becomes_the_projects_own(place: Site) -> None:
    await place.serve(1)
    await previewed(place)
    request = ReleaseRequest(
        run="r-live11", project="notes", request="preview 1 was confirmed", commit=place.commit, candidate="sha256:2",
        origin=ME, preview=1,
    )  # fmt: skip
    outcome = await put_again(place, request)

    assert isinstance(outcome, Released)
    assert (outcome.release.number, outcome.release.candidate) == (2, "sha256:2")
    [project] = await place.registry.projects()
    [preview] = await place.registry.previews("notes")
    assert (project.title, preview.state, preview.cleared is None) == ("Better notes", PreviewState.PROMOTED, False)


async def test_two_confirmations_are_one_run_until_that_fails(place: Site) -> None:
    await ensure_pool()
    for entry in CATALOG:
        if entry.flow == "release":
            await apply(entry)
    await place.serve(1)
    await previewed(place)

    async def confirm() -> Run:
        return await confirm_preview("notes", None, ME, place.registry, place.blocks.git)

    first, again = await confirm(), await confirm()
    assert (again.id, again.flow_run) == (first.id, first.flow_run)
    await place.registry.update_run(first.id, state=RunState.FAILED, ended=NOW)
    other = await confirm()
    assert other.id != first.id
    await place.registry.update_run(other.id, state=RunState.DELIVERED, ended=NOW)
    await place.registry.move_preview("notes", 1, PreviewState.PROMOTED)
    assert (await confirm()).id == other.id


async def test_preview_that_cannot_go_live_starts_nothing(place: Site) -> None:
    await place.serve(1)
    await previewed(place)
    await place.registry.move_preview("notes", 1, PreviewState.EXPIRED, reason="nobody confirmed it in time")
    before = await place.registry.runs("notes")
    with pytest.raises(BadInput, match=r"is expired \(nobody confirmed it in time\): make the change again"):
        await confirm_preview("notes", 1, ME, place.registry, place.blocks.git)
    assert await place.registry.runs("notes") == before
