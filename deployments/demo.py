"""`make demo`: the main job once, from a sentence to an address, with everything real but (without a key) the model's words."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from deployments.commands.sessions import running
from deployments.data_folder import Up, read_up
from deployments.desk.opening import open_desk
from deployments.desk.requests import Desk
from deployments.here.place import OwnPlace
from deployments.here.wishes import REPLAYED, patience
from deployments.live import ended_code, watch
from deployments.people import person
from deployments.place_values import Document
from deployments.prefect_server.access import prefect_environment
from deployments.settings import Settings, load_settings
from deployments.supervision.standing import say, stop_on_signals, supervise
from deployments.tables import money, table
from deployments.terminal import DONE, FAILED_RUN, INTERRUPTED, console
from domain.errors import BadInput, Broken
from domain.runs import Origin, RunState
from domain.sessions import Session

SESSION = Path(str(files("deployments") / "demo_session"))


async def show(keep: bool) -> int:
    """Bring Slipway up, build the demo's request, show what came of it; stay until Ctrl-C when `keep`."""
    ended, screen = asyncio.Event(), console()
    stop_on_signals(ended)
    async with standing(demo_settings(), ended) as (up, supervisor):
        if up is None or (code := await unless(ended, supervisor, deliver(up, screen))) is None:
            say("slipway: interrupted; the run goes on at the next `slipway up` or `make demo`")
            return INTERRUPTED
        if keep and supervisor is not None and not ended.is_set():
            screen.print("\nThe app keeps running until you press Ctrl-C.", style="bold")
            await asyncio.wait({supervisor})
            await supervisor
        return code


@asynccontextmanager
async def standing(settings: Settings, ended: asyncio.Event) -> AsyncIterator[tuple[Up | None, "asyncio.Task[None] | None"]]:
    """Yield what is up, started here if it is not; None when it was ended before it was up. Stops what it started."""
    if up := read_up(settings.home):
        yield up, None
        return
    supervisor = asyncio.create_task(supervise(settings, ended))
    try:
        yield await started(settings, supervisor, ended), supervisor
    finally:
        ended.set()
        await asyncio.wait({supervisor})


async def started(settings: Settings, supervisor: "asyncio.Task[None]", ended: asyncio.Event) -> Up | None:
    """Wait until everything is up; raise what the supervisor raised when it is not coming."""
    while read_up(settings.home) is None:
        if supervisor.done():
            supervisor.result()
            if not ended.is_set():
                raise Broken("`slipway up` ended before it was up")
            return None
        await asyncio.sleep(0.1)
    return running(settings)


async def unless(ended: asyncio.Event, supervisor: "asyncio.Task[None] | None", work: Coroutine[Any, Any, int]) -> int | None:
    """Return what the work returns; None when it was ended first. Raises what the supervisor raised, if that ends first."""
    task, stop = asyncio.create_task(work), asyncio.create_task(ended.wait())
    await asyncio.wait({task, stop, *([supervisor] if supervisor else ())}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait({task})
    if supervisor is not None and supervisor.done():
        supervisor.result()
    return None


def demo_settings() -> Settings:
    """Return the settings, with free ports where none was chosen and the recorded session where there is no key."""
    settings = load_settings()
    chosen = {name: 0 for name in ("http_port", "https_port", "prefect_port") if name not in settings.model_fields_set}
    if settings.anthropic_api_key is None and settings.replay is None:
        return load_settings(**chosen, replay=SESSION)
    return load_settings(**chosen)


async def deliver(up: Up, screen: Console) -> int:
    """Take the demo's request all the way and print what a person wants to see of it."""
    async with open_desk(prefect_environment(up)) as desk:
        return await build(desk, up, screen)


async def build(desk: Desk, up: Up, screen: Console) -> int:
    request = Session.model_validate_json((SESSION / "session.json").read_text("utf-8")).request
    if not desk.blocks.installation.answers:
        raise BadInput(
            f"`slipway up` runs in {up.home} with neither a key nor a recorded session: stop it with Ctrl-C and run "
            "`make demo` again, or give the demo a folder of its own with HOME_DIR=/path/to/folder"
        )
    if up.replay:
        screen.print(REPLAYED, style="yellow", soft_wrap=True)
    screen.print(f'\n[bold]The request:[/bold] "{request}"\n')
    with patience(screen):
        proposal = await desk.propose(request, Origin(channel="cli", person=person()))
    run = await watch(OwnPlace(desk, up), (await desk.start(proposal)).id, screen)
    return await print_result(run, desk, up, screen)


async def print_result(run: Document, desk: Desk, up: Up, screen: Console) -> int:
    """Print tests, rounds, cost, link and address; return the exit code."""
    tests = table("round", "verdict", "passed", "failed")
    reports = [line for line in await desk.registry.progress(run["run"]) if line.kind == "report"]
    for number, report in enumerate(reports, 1):
        tests.add_row(str(number), *(str(report.data[name]) for name in ("outcome", "passed", "failed")))
    screen.print()
    screen.print(tests)
    screen.print()
    screen.print(f"Rounds:  {run['rounds']}")
    screen.print(f"Cost:    {money(run['cost_usd'])} in {run['calls']} calls{' (as recorded)' if up.replay else ''}")
    screen.print(f"Run:     {run['flow_run']}", soft_wrap=True)
    if run["state"] != RunState.DELIVERED:
        return ended_code(run)
    said, code = await answer(run["address"], up)
    style = "bold green" if code == DONE else "red"
    screen.print(f"Address: {run['address']}  ({said} through Caddy)", style=style, soft_wrap=True)
    return code


def trusting(root: str) -> ssl.SSLContext:
    """Return what trusts this root certificate, or the usual ones where there is no name of a file."""
    return ssl.create_default_context(cafile=root or None)


async def answer(address: str, up: Up) -> tuple[str, int]:
    """Ask Caddy for the address, also where `*.localhost` does not resolve; return words and an exit code."""
    url = httpx.URL(address)
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=10, verify=trusting(up.root_certificate)) as client:
            where = url.copy_with(host=up.apps_host, port=up.apps_port)
            headers, extensions = {"Host": url.netloc.decode()}, {"sni_hostname": url.host}
            response = await client.get(where, headers=headers, extensions=extensions)
    except httpx.HTTPError as error:
        return f"does not answer: {type(error).__name__}", FAILED_RUN
    return f"answers {response.status_code}", DONE if response.status_code == httpx.codes.OK else FAILED_RUN
