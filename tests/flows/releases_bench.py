"""One project's world for the flows that move its releases: registry and git are real, the rest is in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from prefect import flow

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.releases import Release
from domain.runs import ReleaseRequest
from domain.workers import AppState, AppStatus
from flows import opening
from flows.release import put_online
from tasks.preparer import prepare_repository
from tests.fakes.bot_accounts import MemoryAccounts
from tests.tasks.conftest import NOW, brief
from tests.tasks.test_deployer import World
from tests.tasks.test_watch import app

T = TypeVar("T")


class Site(World):
    """A world whose releases all answer at one healthy address, until the test says otherwise."""

    def __init__(self, registry: SqlRegistry, git: BareGitHost, head: str) -> None:
        super().__init__(registry)
        self.commit = head
        place = SimpleNamespace(
            address_of=lambda domain: f"http://{domain}",
            health_seconds=20.0,
            drain_seconds=1.0,
            command_seconds=20.0,
            snapshot_mb=100,
            access_log="",
            flap_seconds=600.0,
            telegram_api_url=None,
            env_model="",
            bots_low=1,
        )
        self.blocks: Any = SimpleNamespace(
            registry=registry, engine=self.engine, proxy=self.proxy, vault=self.vault, wakeups=self.wakeups,
            git=git, installation=place, model=None, attachments=None, accounts=MemoryAccounts(),
        )  # fmt: skip

    async def serve(self, count: int) -> Release:
        """Deliver so many releases, one after the other; return the live one."""
        for number in range(1, count + 1):
            live = await self.deliver(f"r-{number:06}", f"sha256:{number}")
        return live

    async def release(self, number: int) -> Release:
        return next(found for found in await self.registry.releases("notes") if found.number == number)

    def dies(self, identity: str, after_looks: int = 0) -> None:
        """Let the copy be found ended by itself, after it was found well so often."""
        well = AppStatus(identity=identity, project="notes", state=AppState.RUNNING, address=self.engine.address)
        ended = AppStatus(identity=identity, project="notes", state=AppState.STOPPED, exit_code=3)
        self.engine.app_states[identity] = [*[well] * after_looks, ended]


async def in_flow(work: Callable[[], Awaitable[T]]) -> T:
    """Do it in a flow run: tasks need one."""

    @flow
    async def carried() -> Any:
        return await work()

    result: T = await carried()
    return result


async def put_again(place: Site, request: ReleaseRequest) -> Any:
    """Store the run of the request and take it through the release flow's steps; return what came of it."""
    await place.registry.add_run(request, NOW)

    async def carried() -> Any:
        opening._opened.set(place.blocks)
        return await put_online(request, place.blocks)

    return await in_flow(carried)


@asynccontextmanager
async def site(registry: SqlRegistry, folder: Path) -> AsyncIterator[Site]:
    git = BareGitHost(folder=str(folder / "git"))
    head = await prepare_repository.fn("r-000001", brief(), git)
    with app(200) as (address, _):
        made = Site(registry, git, head)
        made.engine.address = address
        yield made
