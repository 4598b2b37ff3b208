"""The page in a real browser: Debian's Chromium before the real server, and a scene with everything that a page can show."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from deployments.api.application import application
from deployments.api.serving import server_of, until_ended
from domain.audit import SLIPWAY
from domain.releases import ReleaseState
from domain.resources import ResourceKind
from domain.runs import RunState
from domain.seen import Seen
from domain.usage import TokenUsage
from domain.workers import AppSpec
from tasks.audit import record
from tasks.proof import prove
from tasks.visits import PERSONAL, make_link
from tests.deployments.api_bench import ANN, PEPPER, Api, api_in
from tests.deployments.conftest import released
from tests.deployments.web_bench import previewed
from tests.tasks.conftest import request
from tests.tasks.test_proof import JUDGED

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--no-proxy-server",
    "--test-third-party-cookie-phaseout",
    "--disable-features=LocalNetworkAccessChecks",  # the page is on loopback here, and its frames are not
)
BY_TLS = {"X-Forwarded-Proto": "https"}
"""What Caddy says; browsers take loopback for as good as TLS, and keep its cookies."""
PATIENCE = 60_000.0
"""Milliseconds for which a named condition is waited for: machines of CI are slow."""
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
LONG = "a-name-as-long-as-they-may-be"
NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}\u202e\x07"
"""What somebody may write anywhere."""


class Stand:
    """A server with the scene, and a browser before it."""

    def __init__(self, api: Api, browser: Browser, place: str) -> None:
        self.api = api
        self.browser = browser
        self.place = place
        self.said: list[str] = []
        """What browsers wrote to their console, and errors of scripts."""
        self.meant: set[str] = set()
        """What of it a test means to happen."""

    @property
    def complaints(self) -> list[str]:
        return [each for each in self.said if not any(words in each for words in self.meant)]

    async def context(self, *, signed_in: bool = True, owner: str = ANN, **more: object) -> BrowserContext:
        """Return a browser's profile of its own: a phone, in light and English unless said otherwise."""
        usual = {"viewport": PHONE, "color_scheme": "light", "locale": "en-GB", "timezone_id": "UTC"}
        how = {**usual, "extra_http_headers": BY_TLS, **more}
        made = await self.browser.new_context(base_url=self.place, **how)  # type: ignore[arg-type]
        made.set_default_timeout(PATIENCE)
        made.on("console", lambda said: self.said.append(said.text) if said.type in ("error", "warning") else None)
        made.on("weberror", lambda error: self.said.append(str(error.error)))
        if signed_in:
            page = await made.new_page()
            await self.sign_in(page, owner)
            await page.close()
        return made

    async def sign_in(self, page: Page, owner: str = ANN) -> None:
        """Come by a link, and press."""
        code = await make_link(owner, PERSONAL, PEPPER, self.api.registry, self.api.now)
        await page.goto(f"/login?code={code}")
        await page.locator('form[action="/login/link"] button').click()
        await page.wait_for_url(f"{self.place}/")


@asynccontextmanager
async def stand_in(folder: Path) -> AsyncIterator[Stand]:
    """Serve the bench's application on loopback, as behind Caddy, and open a browser that sends frames no others' cookies."""
    stop = asyncio.Event()
    async with api_in(folder) as api, async_playwright() as playwright:
        api.now = datetime.now(UTC)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = server_of(application(api.house, lambda: api.now), "127.0.0.1")
            serving = asyncio.create_task(until_ended(server, listener, None, stop))
            try:
                yield Stand(api, browser, f"http://127.0.0.1:{listener.getsockname()[1]}")
            finally:
                await browser.close()
                stop.set()
                await serving


async def furnish(api: Api) -> None:
    """Let there be projects, releases, runs of all kinds, a question, secrets, domains and costs, some of it nasty."""
    desk, registry = api.desk, api.registry
    first = await api.project("short-links")
    await desk.go_on(first, "develop", "round", "round 1", of=3, round=1)
    await released(desk, "short-links", 4)
    await desk.vault.put("short-links", "API_TOKEN", "hush-hush-hush")
    await desk.look.add_host("short-links", "links.example.org", ANN)
    for number, money in enumerate((120_000, 430_000)):
        await registry.reserve(f"call-{number}", "short-links", first, "developer", "m", money)
        await registry.settle(f"call-{number}", TokenUsage(input=10, output=10), money)
    asking = await api.run("short-links")
    await desk.go_on(asking, "develop", "round", "round 3", of=3, round=3)
    await desk.go_on(asking, "test", "report", f"1 of 12 tests fails: {NASTY}")
    await desk.ask(asking, evidence=f"AssertionError: {NASTY}\nexpected 200, got 500")
    ended = await api.run("short-links")
    await desk.end(ended, address="http://short-links.localhost")
    await previewed(api, "short-links", ended)
    await registry.add_resource("short-links", ResourceKind.POSTGRES, "short-links-postgres:5432", api.now)
    await desk.engine.start(AppSpec(identity="short-links-v4", project="short-links", run=ended, candidate="sha256:1"))
    desk.engine.app_logs["short-links-v4"] = f"listens\n{NASTY}\n{'no-room-to-break-' * 30}"
    await desk.tell(asking, f"use a list: {NASTY}", ANN)
    await registry.move_release("short-links", 1, ReleaseState.REMOVED, fence=await registry.next_fence("short-links"))
    for what, why in (
        ("release 4 is live", f"{ended}: {NASTY}"),
        ("rollback of release 5 to 4", "/ answers 500"),
        (NASTY, NASTY),
    ):
        await record("short-links", SLIPWAY, what, registry, why=why)
    proving = request(run=ended, slug="short-links")
    await prove.fn(proving, "c" * 40, JUDGED, Seen().flaky, api.desk.blocks.installation, registry)
    await api.project("tea-club")
    long = await api.project(LONG)
    await desk.go_on(long, "test", "report", f"12 of 12 tests fail: {'no-room-to-break-' * 30}")
    await desk.end(long, RunState.FAILED, f"three rounds did not make it pass: {NASTY}")
