"""`slipway up`: starts what is not there already, fills Prefect, watches over its children, and ends them in reverse order."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from deployments.bot_access import has_bot
from deployments.children import Child, Service, rotate
from deployments.data_folder import AlreadyUp, DataFolder, Up
from deployments.firewall import egress_warning
from deployments.preflight import check_disk, choose_engine, choose_port, domain_warning, free_port, isolation_warning
from deployments.services import first_services, last_services
from deployments.settings import Settings
from deployments.wiring import LOOPBACK, Wiring

__all__ = ["AlreadyUp", "up"]

T = TypeVar("T")
Report = Callable[[str], None]
Hook = Callable[[], Awaitable[None]]


async def _resume_apps() -> None:
    from deployments.apps import resume

    await resume()


async def _pause_apps() -> None:
    from deployments.apps import pause

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

    `after_start` is awaited when the blocks are filled and before any run is taken, `before_stop` before the first
    child is ended. Raises AlreadyUp (nothing was changed), BadInput (nothing was started) or ServiceFailed.
    """
    folder = DataFolder(settings.home)
    folder.prepare()
    with folder.hold(), _stop_event(until) as stop:
        wiring = await _wire(settings, folder, report)
        installation = _Installation(wiring, report)
        with _prefect_client(wiring):
            try:
                if await _unless(stop, installation.start(after_start)):
                    folder.announce(installation.up())
                    installation.greet()
                    await _unless(stop, installation.watch())
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
        services = asyncio.create_task(self._start(first_services(self._wiring)))
        try:
            images, _, _ = await asyncio.gather(self._images(), self._migrate(), services)
        finally:
            services.cancel()  # nothing is left half started when the tables or the images failed
            with suppress(asyncio.CancelledError):
                await services
        self._report("filling blocks, deployments and automations")
        from deployments.setup import set_up

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
        from blocks.registry_migrations import migrate

        await migrate(self._wiring.registry_url)

    async def watch(self) -> bool:
        """Restart what dies; return never, raise ServiceFailed when a child cannot be kept up."""
        async with _first_error():
            await _together(child.supervise() for child in self._children)
        return True

    def up(self) -> Up:
        wiring = self._wiring
        return Up(
            home=str(wiring.folder.home),
            pid=os.getpid(),
            prefect_api_url=wiring.prefect_api_url,
            prefect_ui_url=wiring.prefect_ui_url,
            apps_url=wiring.apps_url,
            http_port=wiring.http_port,
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
        if self._wiring.settings.anthropic_api_key is None and not up.replay:
            self._report("no model can be asked yet: set ANTHROPIC_API_KEY and start `slipway up` again")

    async def stop(self, before_stop: Sequence[Hook]) -> None:
        """End everything within seconds; apps keep what they have, runs go on at the next `up`."""
        if self._filled:
            await self._say_goodbye(before_stop)
        for child in reversed(self._children):
            await child.stop()
        self._report("Slipway has stopped; `slipway up` resumes apps and runs")

    async def _say_goodbye(self, before_stop: Sequence[Hook]) -> None:
        from deployments.automations import rest_proactive
        from deployments.setup import flush_events

        for step in (*before_stop, rest_proactive, flush_events):
            try:
                await asyncio.wait_for(step(), STOP_SECONDS)
            except Exception as error:
                self._report(f"while stopping: {type(error).__name__}: {error}")


def _import_setup() -> Any:
    from deployments import setup

    return setup


async def _wire(settings: Settings, folder: DataFolder, report: Report) -> Wiring:
    """Check the machine and decide on every address; raise BadInput with the cure."""
    check_disk(folder)
    engine = await choose_engine(settings)
    if engine == "process":
        report(isolation_warning(settings))
    elif warning := egress_warning():
        report(warning)
    if warning := await domain_warning(settings.base_domain):
        report(warning)
    http, prefect = settings.http_port, settings.prefect_port
    return Wiring(
        settings=settings,
        folder=folder,
        engine=engine,
        http_port=http if settings.caddy_admin else choose_port(folder, "http", http, "SLIPWAY_HTTP_PORT", "0.0.0.0"),  # noqa: S104
        prefect_port=0
        if settings.prefect_api_url
        else choose_port(folder, "prefect", prefect, "SLIPWAY_PREFECT_PORT", LOOPBACK),
        replay_port=free_port() if settings.replay else 0,
        egress_port=choose_port(folder, "egress", 0, "", "0.0.0.0") if engine == "docker" else 0,  # noqa: S104  (a probe only)
    )


@contextmanager
def _prefect_client(wiring: Wiring) -> Iterator[None]:
    """Let this process's own Prefect calls reach the server that it starts, also when Prefect was imported before."""
    before = {name: os.environ.get(name) for name in wiring.prefect_client}
    os.environ.update(wiring.prefect_client)
    try:
        with _settings(wiring) if "prefect" in sys.modules else nullcontext():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _settings(wiring: Wiring) -> AbstractContextManager[Any]:
    from prefect.settings import PREFECT_API_SSL_CERT_FILE, PREFECT_API_URL, PREFECT_HOME, temporary_settings

    trusted = wiring.prefect_client.get("PREFECT_API_SSL_CERT_FILE")
    chosen = {PREFECT_API_URL: wiring.prefect_api_url, PREFECT_HOME: wiring.folder.prefect}
    return temporary_settings({**chosen, **({PREFECT_API_SSL_CERT_FILE: trusted} if trusted else {})})


@contextmanager
def _stop_event(until: asyncio.Event | None) -> Iterator[asyncio.Event]:
    """Return the caller's event, or one that SIGINT and SIGTERM set."""
    if until is not None:
        yield until
        return
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _unless(stop: asyncio.Event, work: Awaitable[bool]) -> bool:
    """Do the work, cancelled as soon as `stop` is set; return whether it was done."""
    task, stopping = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not task.done():
            task.cancel()
    with suppress(asyncio.CancelledError):
        return await task
    return False


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
