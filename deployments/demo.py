"""`make demo`: the main job once, from a sentence to an address, with everything real but (without a key) the model's words."""

import asyncio
from importlib.resources import files
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from deployments.commands.services import say, stop_on_signals
from deployments.commands.sessions import running
from deployments.commands.work import ended_code, person
from deployments.data_folder import Up, prefect_environment, read_up
from deployments.live import watch
from deployments.requests import Desk, open_desk
from deployments.settings import Settings, load_settings
from domain.errors import Broken
from domain.runs import Origin, Run, RunState
from domain.sessions import Session

SESSION = Path(str(files("deployments") / "demo_session"))
START_SECONDS = 600.0
"""How long the first start may take: it makes images where there is an engine."""


async def show(keep: bool) -> int:
    """Bring Slipway up, build the demo's request, show what came of it; stay until Ctrl-C when `keep`."""
    settings, ended = demo_settings(), asyncio.Event()
    stop_on_signals(ended)
    console = Console()
    supervisor = None if read_up(settings.home) else asyncio.create_task(supervise(settings, ended))
    try:
        up = await started(settings, supervisor)
        code = await deliver(up, console)
        if keep and supervisor is not None and not ended.is_set():
            console.print("\nThe app keeps running until you press Ctrl-C.", style="bold")
            await ended.wait()
        return code
    finally:
        ended.set()
        if supervisor is not None:
            await supervisor


def demo_settings() -> Settings:
    """Return the settings, with free ports where none was chosen and the recorded session where there is no key."""
    settings = load_settings()
    chosen = {name: 0 for name in ("http_port", "prefect_port") if name not in settings.model_fields_set}
    if settings.anthropic_api_key is None and settings.replay is None:
        say("No ANTHROPIC_API_KEY is set: a recorded model session answers. Everything but the model's words is real.")
        return load_settings(**chosen, replay=SESSION)
    return load_settings(**chosen)


async def supervise(settings: Settings, ended: asyncio.Event) -> None:
    from deployments.supervisor import up

    await up(settings, say, ended)


async def started(settings: Settings, supervisor: "asyncio.Task[None] | None") -> Up:
    """Wait until everything is up; raise what the supervisor raised when it is not coming."""
    async with asyncio.timeout(START_SECONDS):
        while read_up(settings.home) is None:
            if supervisor is not None and supervisor.done():
                supervisor.result()
                raise Broken("`slipway up` ended before it was up")
            await asyncio.sleep(0.1)
    return running(settings)


async def deliver(up: Up, console: Console) -> int:
    """Take the demo's request all the way and print what a person wants to see of it."""
    request = Session.model_validate_json((SESSION / "session.json").read_text("utf-8")).request
    async with open_desk(prefect_environment(up)) as desk:
        console.print(f'\n[bold]The request:[/bold] "{request}"\n')
        proposal = await desk.propose(request, Origin(channel="cli", person=person()))
        run = await watch((await desk.start(proposal)).id, desk.registry, desk.wakeups, console, up.prefect_ui_url)
        await print_result(run, desk, up, console)
    return ended_code(run)


async def print_result(run: Run, desk: Desk, up: Up, console: Console) -> None:
    """Print address, tests, rounds, cost and link."""
    table = Table("round", "verdict", "passed", "failed", title="Tests", title_justify="left", box=None, header_style="dim")
    reports = [line for line in await desk.registry.progress(run.id) if line.kind == "report"]
    for number, report in enumerate(reports, 1):
        table.add_row(str(number), str(report.data["outcome"]), str(report.data["passed"]), str(report.data["failed"]))
    cost = await desk.registry.cost(run=run.id)
    console.print()
    console.print(table)
    console.print(f"Rounds:  {run.round}")
    console.print(f"Cost:    {cost.usd:.4f} USD in {cost.calls} calls" + (" (as recorded)" if up.replay else ""))
    console.print(f"Run:     {up.prefect_ui_url}/runs/flow-run/{run.flow_run}")
    if run.state is RunState.DELIVERED:
        console.print(f"Address: {run.address}  (answers {await answer(run.address, up)} through Caddy)", style="bold green")


async def answer(address: str, up: Up) -> int:
    """Ask Caddy for the address, also where `*.localhost` does not resolve."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        response = await client.get(f"http://127.0.0.1:{up.http_port}/", headers={"Host": httpx.URL(address).netloc.decode()})
    return response.status_code
