"""A domain becomes the address of a project that is online: routed by a real Caddy, and known to the app by a release."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio

from blocks.caddy import Caddy
from blocks.plain_http import plain_client
from blocks.registry.block import SqlRegistry
from deployments.desk.releasing import release_at
from deployments.prefect_server.catalog import CATALOG, apply
from deployments.prefect_server.pools import ensure_pool
from domain.outcomes import Released
from domain.releases import ReleaseState
from domain.runs import Origin, ReleaseRequest, Run, RunState
from tasks.domains import add_domain, make_main
from tests.blocks.services import CaddyServer, caddy_server
from tests.conftest import PrefectServer
from tests.flows.releases_bench import Site, put_again, site
from tests.tasks.conftest import NOW, registry  # noqa: F401  (a fixture)

OWN, SHOP = "notes.localhost", "shop.example.org"
ME = Origin(channel="cli", person="local:me")


@dataclass
class Street:
    """A project that serves behind a Caddy."""

    place: Site
    caddy: CaddyServer

    async def shop(self) -> None:
        """Let the domain lead to the project, as its address."""
        site = self.place
        added = await add_domain(
            "notes", SHOP, "local:me", "localhost", site.registry, site.engine, site.blocks.proxy, site.wakeups
        )
        await make_main(added, site.registry)

    async def statuses(self) -> dict[str, int]:
        """Ask for the app's health at each host."""
        async with plain_client(base_url=self.caddy.url, timeout=60) as client:
            return {host: (await client.get("/health", headers={"Host": host})).status_code for host in (OWN, SHOP)}


@pytest_asyncio.fixture
async def street(prefect_api: PrefectServer, registry: SqlRegistry, tmp_path: Path) -> AsyncIterator[Street]:  # noqa: F811
    async with site(registry, tmp_path) as place:
        with caddy_server() as caddy:
            place.proxy = place.blocks.proxy = Caddy(admin=caddy.admin, listen=caddy.listen)  # type: ignore[assignment]
            await place.serve(1)
            yield Street(place, caddy)


async def test_the_address_is_the_domains_and_the_one_before_still_leads_to_the_app(street: Street) -> None:
    place = street.place
    assert await street.statuses() == {OWN: 200, SHOP: 404}
    await street.shop()
    assert await street.statuses() == {OWN: 200, SHOP: 200}
    request = ReleaseRequest(
        run="r-again1", project="notes", request="a domain", commit=place.commit, candidate="sha256:1", origin=ME
    )
    outcome = await put_again(place, request)

    assert isinstance(outcome, Released)
    assert (outcome.address, await place.states()) == (
        f"http://{SHOP}",
        {2: ReleaseState.LIVE, 1: ReleaseState.KEPT},
    )
    [started] = [spec for spec in place.engine.started if spec.identity == "notes-v2"]
    assert started.environment["PUBLIC_URL"] == f"http://{SHOP}"
    assert await street.statuses() == {OWN: 200, SHOP: 200}


async def test_a_wish_for_a_main_domain_that_was_killed_half_way_is_finished_by_the_next_and_is_one_run(
    street: Street,
) -> None:
    place = street.place
    await ensure_pool()
    for entry in CATALOG:
        if entry.flow == "release":
            await apply(entry)

    async def wished() -> Run:
        await street.shop()
        return await release_at(SHOP, "notes", ME, place.registry)

    await street.shop()  # and killed here
    first, again = await wished(), await wished()
    assert (again.id, again.flow_run) == (first.id, first.flow_run)
    assert first.request == f"{SHOP} is the main domain"
    await place.registry.update_run(first.id, state=RunState.FAILED, ended=NOW)
    other = await wished()
    assert other.id != first.id
    await place.registry.update_run(other.id, state=RunState.DELIVERED, ended=NOW)
    assert (await wished()).id == other.id
