"""janitor, whole: on a real registry, engine and Caddy."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest_asyncio

from blocks.caddy import Caddy
from blocks.git.block import BareGitHost
from blocks.plain_http import plain_client
from blocks.process_engine.block import ProcessEngine
from blocks.registry.block import SqlRegistry
from domain.health import HealthCheck
from domain.outcomes import Previewed
from domain.previews import Preview, PreviewedChange, PreviewState
from flows import opening
from flows.janitor import janitor
from tasks.previews import announce_preview, gate_preview, open_preview, start_preview
from tests.blocks.engine_bench import Bench
from tests.blocks.services import CaddyServer, caddy_server
from tests.conftest import PrefectServer
from tests.fakes.bot_accounts import MemoryAccounts
from tests.fakes.services import MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.flows.releases_bench import in_flow
from tests.tasks.conftest import COMMIT, NOW, brief, registry, request  # noqa: F401  (a fixture among them)

RUN = "r-change1"


class House:
    """An installation with one project, and a preview of it whose time is over as soon as it is up."""

    def __init__(self, registry: SqlRegistry, folder: Path, caddy: CaddyServer) -> None:  # noqa: F811
        self.registry = registry
        self.engine = ProcessEngine(
            installation="tests", folder=str(folder / "engine"), ca_bundle=os.environ.get("SSL_CERT_FILE")
        )
        self.bench = Bench(self.engine, folder)
        self.caddy = caddy
        place = SimpleNamespace(home=str(folder), mark="tests", base_domain="localhost", bots_rest_hours=24.0)
        self.blocks: Any = SimpleNamespace(
            registry=registry,
            engine=self.engine,
            proxy=Caddy(admin=caddy.admin, listen=caddy.listen),
            vault=MemoryVault(),
            wakeups=MemoryWakeups(),
            git=BareGitHost(folder=str(folder / "git")),
            installation=place,
            accounts=MemoryAccounts(),
            github=None,
        )
        self.kept = folder / "engine" / "data" / "notes" / "kept"
        """A file of the project's own data."""

    def copies(self) -> list[Path]:
        """Return where that file lies beside."""
        return [path for path in Path(self.engine.folder).rglob("kept") if path != self.kept]

    async def preview(self) -> Preview:
        """Put it up, by the steps of its flow."""
        blocks, candidate = self.blocks, await self.bench.candidate()
        await self.registry.add_run(request(RUN, change=True), NOW)
        change = PreviewedChange(
            project="notes", run=RUN, commit=COMMIT, candidate=candidate, base=COMMIT, brief=brief(), checks=()
        )
        preview = await announce_preview.fn(change, "localhost", 0.0, self.registry)
        version = await self.registry.add_environment("notes", {}, {})
        started = await start_preview.fn(preview, version.number, "web", self.registry, self.engine, blocks.vault)
        assert await gate_preview.fn(started, HealthCheck(path="/"), 60.0, self.registry, self.engine) is None
        up = await open_preview.fn(
            started, f"http://{preview.host}", 0.0, self.registry, self.engine, blocks.proxy, blocks.wakeups
        )
        assert isinstance(up, Previewed)
        return up.preview

    async def status(self, host: str) -> int:
        async with plain_client(base_url=self.caddy.url, timeout=60) as client:
            return (await client.get("/", headers={"Host": host})).status_code

    async def tidy(self) -> list[str]:
        async def carried() -> list[str]:
            opening._opened.set(self.blocks)
            return await janitor()

        return await in_flow(carried)


@pytest_asyncio.fixture
async def house(prefect_api: PrefectServer, registry: SqlRegistry, tmp_path: Path) -> AsyncIterator[House]:  # noqa: F811
    with caddy_server() as caddy:
        made = House(registry, tmp_path, caddy)
        yield made
        for app in await made.engine.apps():
            await made.engine.remove(app.identity)


async def test_of_a_preview_that_expired_neither_copy_nor_route_nor_data_is_left(house: House) -> None:
    house.kept.parent.mkdir(parents=True)
    house.kept.write_text("the project's own")
    shown = await house.preview()
    assert (await house.status(shown.host), len(house.copies())) == (200, 1)

    done = await house.tidy()

    [ended] = await house.registry.previews("notes")
    assert (ended.state, ended.cleared is None) == (PreviewState.EXPIRED, False)
    assert done.count("notes-p1") == 2
    assert await house.engine.apps("notes") == []
    assert await house.status(shown.host) == 404
    assert (house.copies(), house.kept.read_text()) == ([], "the project's own")
    assert await house.tidy() == []
