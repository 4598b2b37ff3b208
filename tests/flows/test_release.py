"""release: what was accepted before goes online again, in a run of its own that is started once for one key."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from prefect.client.orchestration import get_client

from blocks.registry import SqlRegistry
from deployments import releasing
from deployments.catalog import CATALOG, apply
from deployments.pools import ensure_pool
from domain.errors import BadInput
from domain.outcomes import Released
from domain.releases import ReleaseState
from domain.runs import Origin, ReleaseRequest, RunState
from flows import opening
from flows.ending import write_end
from flows.release import put_online
from tasks.finish import describe_release
from tests.conftest import PrefectServer
from tests.flows.releases_bench import Site, in_flow, site
from tests.tasks.conftest import NOW, registry  # noqa: F401  (a fixture among them)

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
    await place.registry.add_run(request, NOW)

    async def carried() -> Any:
        opening._opened.set(place.blocks)
        return await put_online(request, place.blocks)

    outcome = await in_flow(carried)

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
    assert flow_run.parameters["request"]["candidate"] == "sha256:1"
    assert {f"run:{first.id}", "project:notes"} <= set(flow_run.tags)
