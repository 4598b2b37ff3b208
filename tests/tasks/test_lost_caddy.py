"""A real Caddy dies and comes back knowing nothing: one reconcile, and all apps serve again."""

import shutil

import httpx

from blocks.caddy import Caddy
from blocks.registry.block import SqlRegistry
from domain.releases import ReleaseState
from domain.workers import AppSpec
from tasks.domains import add_domain
from tasks.reconciler import reconcile_routes
from tests.blocks.services import FOREIGN, CaddyServer, caddy_server
from tests.blocks.test_caddy import upstream
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryWakeups
from tests.tasks.conftest import NOW, brief, request
from tests.tasks.test_upkeep import release

HOSTS = ("notes.localhost", "chat.localhost", "shop.example.org")


async def answers(server: CaddyServer) -> set[str]:
    """Ask for every host of the installation."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60) as client:
        return {(await client.get("/", headers={"Host": host})).text for host in HOSTS}


async def test_caddy_that_comes_back_empty_serves_all_apps_after_one_reconcile(registry: SqlRegistry) -> None:
    async with upstream("app") as app:
        engine, wakeups = FakeEngine(address=app.address), MemoryWakeups()
        await release(registry, engine, 1)
        await registry.add_project(brief("chat"), "local:me", "chat.localhost", NOW)
        await registry.add_run(request("r-chat01", "chat"), NOW)
        fence = await registry.fence("chat")
        version = await registry.add_environment("chat", {}, {})
        await registry.add_release("chat", "r-chat01", "c" * 40, "sha256:1", version.number, NOW, fence=fence)
        await engine.start(AppSpec(identity="chat-v1", project="chat", run="r-chat01", candidate="sha256:1"))
        await registry.promote("chat", 1, app.address, ReleaseState.DRAINING, "", NOW, fence=fence)
        with caddy_server(FOREIGN) as first:
            caddy = Caddy(admin=first.admin, listen=first.listen)
            await add_domain("notes", HOSTS[2], "local:me", "localhost", registry, engine, caddy, wakeups)
            await reconcile_routes(registry, engine, caddy, wakeups)
            assert await answers(first) == {"app"}
            first.process.kill()
            first.process.wait()
            shutil.rmtree(first.storage)
            with first.again() as second:
                assert await answers(second) == {"foreign"}
                assert set(await reconcile_routes(registry, engine, caddy, wakeups)) == {"notes", "chat"}
                assert await answers(second) == {"app"}
