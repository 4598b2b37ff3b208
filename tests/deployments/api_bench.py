"""The API in this process: the real registry on SQLite, the real gate and routes, a desk without Prefect."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from pydantic import SecretStr

from blocks.installation import Installation
from blocks.registry.block import SqlRegistry
from deployments.api.access import House
from deployments.api.application import application, routes
from deployments.api.doors import DESCRIPTION, HEALTH, READY, WEBHOOK
from deployments.api.hook import Hook
from deployments.desk.allowances import Allowances
from deployments.place_values import GoneBack
from domain.admission import Rules
from domain.attachments import Attachment
from domain.keys import Scope
from domain.previews import Preview
from domain.proposals import Proposal
from domain.runs import DeliveryRequest, Origin, Run
from tasks.keys import make_key
from tasks.preview_ends import drop_preview, preview_numbered
from tests.fakes.bot_accounts import MemoryAccounts
from tests.fakes.counters import MemoryCounters
from tests.fakes.desk import FakeDesk, Hints, a_brief
from tests.fakes.github_webhooks import SECRET, THEN
from tests.registry_database import lay_registry

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ANN, BOB = "local:ann", "local:bob"
PEPPER = b"p" * 32
BOT_TOKEN = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"
"""Of the published example of init data."""
RATE = 100_000
"""Requests of one key a minute, where a test is not about that."""
READ, WRITE, OPERATOR = Scope.READ, Scope.WRITE, Scope.OPERATOR


class ApiDesk(FakeDesk):
    """A desk with the blocks that documents are made of."""

    def __init__(self, registry: SqlRegistry) -> None:
        super().__init__(registry, Hints())
        self.home = Path(self.git.folder).parent
        place = Installation(home=str(self.home), engine="process", model="m")
        self.blocks = SimpleNamespace(
            installation=place, vault=self.vault, engine=self.engine, registry=registry, accounts=MemoryAccounts(), github=None,
            git=self.git, proxy=self.proxy,
        )  # fmt: skip
        self.wishes: list[dict[str, Any]] = []
        """What was said beside each text."""
        self.taken_down: list[tuple[str, str]] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        """Happens while a Brief is written."""

    async def propose(
        self,
        text: str,
        origin: Origin,
        *,
        project: str | None = None,
        key: str | None = None,
        attachments: Sequence[Attachment] = (),
        **more: Any,
    ) -> Proposal:
        self.wishes.append(more)
        if self.meanwhile:
            await self.meanwhile()
        return await super().propose(text, origin, project=project, key=key, attachments=attachments)

    async def drop(self, project: str, number: int | None, who: str) -> Preview:
        return await drop_preview(await preview_numbered(project, number, self.registry), who, self.registry)


async def went_back(rollback: str, project: str) -> GoneBack | None:
    """Say that the rollback did what was wished."""
    return GoneBack(outcome="rolled back", project=project, bad=2, good=1, message=f"{project} is back", is_done=True)


async def taken_down(project: str, who: str, desk: Any) -> None:
    """Write down that the project was to go."""
    desk.taken_down.append((project, who))


@dataclass(kw_only=True)
class Api:
    """What a test asks, and what stands behind."""

    desk: ApiDesk
    house: House
    client: httpx.AsyncClient
    counters: MemoryCounters
    now: datetime = NOON
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def registry(self) -> SqlRegistry:
        return self.desk.registry

    async def key(self, owner: str = ANN, *scopes: Scope, days: float | None = None) -> str:
        """Make a key and return it."""
        name = f"{owner} {' '.join(scopes)} {days}"
        if name not in self.keys:
            made = await make_key(name, owner, scopes or (READ, WRITE), days, owner, PEPPER, self.registry, self.now)
            self.keys[name] = made.shown
        return self.keys[name]

    async def ask(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx.Response:
        """Ask with this key; without one, with Ann's."""
        headers = {"Authorization": f"Bearer {key or await self.key()}", **more.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **more)

    async def get(self, path: str, key: str | None = None, **more: Any) -> httpx.Response:
        return await self.ask("GET", path, key, **more)

    async def project(self, slug: str, owner: str = ANN, *, days: int = 0) -> str:
        """Let there be a project with its first run, and return that."""
        at = NOON - timedelta(days=days)
        await self.registry.add_project(a_brief(slug, slug), owner, f"{slug}.localhost", at)
        return await self.run(slug, owner, at)

    async def committed(self, slug: str) -> None:
        """Let the project have code that was accepted."""
        work = self.desk.home / f"work-{slug}"
        work.mkdir()
        (work / "app.py").write_text("pass")
        await self.desk.git.create(slug)
        await self.desk.git.commit_tree(slug, work, branch="main", parent=None, message="one", author="A <a@b.invalid>")

    async def run(self, slug: str, person: str = ANN, at: datetime = NOON, id: str = "") -> str:
        id = id or f"r-{slug.replace('-', '')}{len(await self.registry.runs(slug, 1000)):06}"
        origin = Origin(channel="cli", person=person)
        request = DeliveryRequest(run=id, project=slug, request="it", brief=a_brief(slug, slug), origin=origin)
        made: Run = await self.registry.add_run(request, at)
        return made.id


@asynccontextmanager
async def api_in(folder: Path, rate: int = RATE, rules: Rules | None = None) -> AsyncIterator[Api]:
    url = f"sqlite+aiosqlite:///{folder}/registry.db"
    await lay_registry(url)
    registry = SqlRegistry(url=SecretStr(url), budget_micro_usd=5_000_000)
    desk, counters = ApiDesk(registry), MemoryCounters()
    house = House(
        desk=desk,  # type: ignore[arg-type]
        registry=registry,
        counters=counters,
        rate=rate,
        pepper=PEPPER,
        allowances=Allowances(registry, desk.wakeups),
        hook=Hook(secret=SECRET, clock=lambda: THEN),
        rules=rules or Rules(),
        bot_token=BOT_TOKEN,
        take_down=taken_down,
        outcome=went_back,
    )
    made: list[Api] = []
    app = application(house, lambda: made[0].now)
    async with registry.kept(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        made.append(Api(desk=desk, house=house, client=client, counters=counters))
        yield made[0]


def api_routes() -> list[tuple[str, str]]:
    """Return those of the API: the page's own are for people, and have their tests in `test_web_callers`."""
    return [
        (method, path)
        for method, path in all_routes()
        if path.startswith("/v1") or path in (HEALTH, READY, DESCRIPTION, WEBHOOK)
    ]


def all_routes() -> list[tuple[str, str]]:
    """Return method and path of everything that the application answers, as its router sees it."""
    house = House(desk=None, registry=None, counters=None, pepper=b"", allowances=None)  # type: ignore[arg-type]
    return sorted({pair for route in routes(house).routes for pair in _pairs(route)})


def _pairs(route: Any) -> list[tuple[str, str]]:
    """Return what one route answers, or all that one router holds."""
    if not hasattr(route, "effective_route_contexts"):
        return [(method, route.path) for method in route.methods]
    inner = list(route.effective_route_contexts())
    return [(method, each.path) for each in inner for method in (each.starlette_route or each.original_route).methods]
