"""`slipway up`: starts what is not there already, fills Prefect, watches over its children, and ends them in reverse order."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from deployments.bot.access import has_bot
from deployments.checks.preflight import decided
from deployments.data_folder import AUTH_FILE, AlreadyUp, DataFolder, Up
from deployments.prefect_server.client import prefect_client_of
from deployments.settings import Settings
from deployments.stopping import stop_event, unless
from deployments.supervision.caddy_service import forget_routes
from deployments.supervision.children import Child, Service, end_all, rotate
from deployments.supervision.services import first_services, last_services
from deployments.wiring import LOOPBACK, Wiring

__all__ = ["AlreadyUp", "up"]

T = TypeVar("T")
Report = Callable[[str], None]
Hook = Callable[[], Awaitable[None]]


async def _resume_apps() -> None:
    from deployments.supervision.apps import resume

    await resume()


async def _pause_apps() -> None:
    from deployments.supervision.apps import pause

    await pause()


AFTER_START: Sequence[Hook] = (_resume_apps,)
BEFORE_STOP: Sequence[Hook] = (_pause_apps,)
STOP_SECONDS = 10.0
"""Deadline of the hooks and of Prefect's last events together; the children have their own."""


async def up(
    settings: Settings,
    report: Report,
    until: asyncio.Event | None = None,
    *,
    after_start: Sequence[Hook] = AFTER_START,
    before_stop: Sequence[Hook] = BEFORE_STOP,
) -> None:
    """Run everything until SIGINT, SIGTERM or `until`; then stop what was started.

    `after_start` is awaited when the blocks are filled and before any run is taken, `before_stop` when no run is taken any
    more and the services still answer. Raises AlreadyUp (nothing was changed), BadInput (nothing was started) or ServiceFailed.
    """
    folder = DataFolder(settings.home)
    folder.prepare()
    with folder.hold(), stop_event(until) as stop:
        wiring = await decided(settings, folder, report)
        installation = _Installation(wiring, report)
        with prefect_client_of(wiring):
            try:
                if await unless(stop, installation.start(after_start)):
                    folder.announce(installation.up())
                    installation.greet()
                    await unless(stop, installation.watch())
            finally:
                await installation.stop(before_stop)


class _Installation:
    """The children of one `up`, in the order in which they were started."""

    def __init__(self, wiring: Wiring, report: Report) -> None:
        self._wiring = wiring
        self._report = report
        self._children: list[Child] = []
        self._filled = False

    async def start(self, after_start: Sequence[Hook]) -> bool:
        """Start services and, meanwhile, make tables and images; then fill Prefect; then let the runner work."""
        self._report("starting Prefect, Redis and Caddy")
        forget_routes(self._wiring)
        services = asyncio.create_task(self._start(first_services(self._wiring)))
        try:
            images, _, _ = await asyncio.gather(self._images(), self._migrate(), services)
        finally:
            services.cancel()  # nothing is left half started when the tables or the images failed
            with suppress(asyncio.CancelledError):
                await services
        self._report("filling blocks, deployments and automations")
        from deployments.prefect_server.setup import set_up

        await set_up(self._wiring, images)
        self._filled = True
        for hook in after_start:
            await hook()
        bot = await has_bot(self._wiring.settings, self._wiring.engine == "docker", self._report)
        await self._start(last_services(self._wiring, bot=bot))
        return True

    async def _start(self, services: Sequence[Service]) -> None:
        async with _first_error():
            children = [Child(service, self._log(service), self._report) for service in services]
            self._children += children
            await _together(child.start() for child in children)

    def _log(self, service: Service) -> Path:
        log = self._wiring.folder.logs / f"{service.name}.log"
        rotate(log)
        return log

    async def _images(self) -> Any:
        setup = await asyncio.to_thread(_import_setup)  # a second or two of imports, while the services start
        return await setup.make_images(self._wiring, self._report)

    async def _migrate(self) -> None:
        from blocks.registry.schema import migrate

        await migrate(self._wiring.registry_url)

    async def watch(self) -> bool:
        """Restart what dies; return never."""
        async with _first_error():
            await _together(child.supervise() for child in self._children)
        return True

    def up(self) -> Up:
        wiring = self._wiring
        return Up(
            home=str(wiring.folder.home),
            pid=os.getpid(),
            prefect_api_url=wiring.prefect_api_url,
            own_prefect=not wiring.settings.prefect_api_url,
            prefect_ui_url=wiring.prefect_ui_url,
            apps_url=wiring.apps_url,
            http_port=wiring.http_port,
            apps_host=wiring.settings.http_bind or LOOPBACK,
            apps_port=wiring.apps_port,
            root_certificate=wiring.root_certificate,
            page_url=wiring.page_url,
            base_domain=wiring.settings.base_domain,
            redis_url=wiring.redis_url,
            caddy_admin=wiring.caddy_admin,
            engine=wiring.engine,
            replay=wiring.settings.replay is not None,
            pids={child.service.name: child.pid for child in self._children},
        )

    def greet(self) -> None:
        up = self.up()
        self._report(f"Slipway is up: runs at {up.prefect_ui_url}, apps at {up.apps_url} (as <name>.{up.base_domain})")
        if up.own_prefect:
            self._report(f"who looks at runs is asked for what stands in {self._wiring.folder.home / AUTH_FILE}")
        if self._wiring.api_url:
            self._report(f"the HTTP API is at {self._wiring.api_url}: `slipway keys add NAME` makes a key for it")
            self._report(f"the owner's page is at {up.page_url}: `slipway page` signs you in")
        if self._wiring.settings.tls == "internal" and up.root_certificate:
            self._report(f"browsers trust the apps' certificates once they are given {up.root_certificate}")
        if self._wiring.settings.anthropic_api_key is None and not up.replay:
            self._report("no model can be asked yet: set ANTHROPIC_API_KEY and start `slipway up` again")

    async def stop(self, before_stop: Sequence[Hook]) -> None:
        """End everything within seconds; apps keep what they have, runs go on at the next `up`."""

        async def say_goodbye() -> None:
            if self._filled:
                await self._say_goodbye(before_stop)

        await end_all(self._children, say_goodbye)
        self._report("Slipway has stopped; `slipway up` resumes apps and runs")

    async def _say_goodbye(self, before_stop: Sequence[Hook]) -> None:
        from deployments.prefect_server.automations import rest_proactive
        from deployments.prefect_server.setup import flush_events

        for step in (*before_stop, rest_proactive, flush_events):
            try:
                await asyncio.wait_for(step(), STOP_SECONDS)
            except Exception as error:
                self._report(f"while stopping: {type(error).__name__}: {error}")


def _import_setup() -> Any:
    from deployments.prefect_server import setup

    return setup


async def _together(work: Iterator[Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(_awaited(one))


async def _awaited(one: Awaitable[None]) -> None:
    await one


@asynccontextmanager
async def _first_error() -> AsyncIterator[None]:
    """Raise the first error of a task group by itself: people are told one thing."""
    try:
        yield
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
