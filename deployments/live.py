"""The live view of a run in a terminal: steps, rounds, tests, cost, address."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from domain.errors import ServiceUnreachable, UnknownObject
from domain.protocols import Registry, Wakeups
from domain.runs import STEPS, Progress, Run, RunState, run_channel
from domain.usage import Cost

LOOK_AGAIN = 1.0
"""Seconds after which the registry is read without a hint: hints can be lost."""

TITLES = {
    "brief": "Brief",
    "prepare": "Repository",
    "plan": "Plan",
    "develop": "Code",
    "test": "Tests",
    "environment": "Environment",
    "deploy": "Deploy",
}


async def follow(
    run: str, registry: Registry, wakeups: Wakeups, until: Callable[[Run], bool]
) -> AsyncIterator[tuple[Run, list[Progress]]]:
    """Yield the run and all its progress after each change, until `until` says so of the run."""
    lines: list[Progress] = []
    hints: asyncio.Queue[None] = asyncio.Queue()
    listener = asyncio.create_task(listen(run, wakeups, hints))
    try:
        while True:
            lines += await registry.progress(run, lines[-1].sequence if lines else 0)
            found = await registry.run(run)
            if found is None:
                raise UnknownObject("run", run)
            yield found, lines
            if until(found):
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(hints.get(), LOOK_AGAIN)
            while not hints.empty():
                hints.get_nowait()
    finally:
        listener.cancel()


async def listen(run: str, wakeups: Wakeups, hints: asyncio.Queue[None]) -> None:
    """Turn hints on the run's channel into queue items; without Redis the registry is read on time alone."""
    with suppress(ServiceUnreachable):
        async with wakeups.subscribe(run_channel(run)) as messages:
            async for _ in messages:
                hints.put_nowait(None)


def rests(run: Run) -> bool:
    """Tell whether nothing more comes by itself: ended, or waiting for a person."""
    return run.state.ended or run.state is RunState.WAITING


async def watch(run: str, registry: Registry, wakeups: Wakeups, console: Console, ui_url: str) -> Run:
    """Show the run until it rests; a terminal gets one picture redrawn, anything else a line for each step."""
    found: Run | None = None
    if not console.is_terminal:
        shown = 0
        async for current, lines in follow(run, registry, wakeups, rests):
            found = current
            for line in lines[shown:]:
                if line.kind != "log":
                    console.print(f"{line.at:%H:%M:%S} {line.text}", markup=False, highlight=False)
            shown = len(lines)
    else:
        with Live(console=console, refresh_per_second=8, transient=False) as live:
            async for found, lines in follow(run, registry, wakeups, rests):
                live.update(picture(found, lines, await registry.cost(run=run), ui_url))
    if found is None:
        raise UnknownObject("run", run)
    return found


def picture(run: Run, lines: Sequence[Progress], cost: Cost, ui_url: str) -> RenderableType:
    """Draw the run as it stands."""
    table = Table.grid(padding=(0, 2))
    reached = [line.step for line in lines if line.kind in ("step", "round")]
    now = reached[-1] if reached else "brief"
    for step in (s for s in STEPS if s in TITLES):
        table.add_row(mark(step, now, run), TITLES[step], Text(detail(step, lines), overflow="ellipsis", no_wrap=True))
    ends = run.ended or datetime.now(UTC)
    foot = Text(
        f"{run.project} · {run.state.value} · {cost.usd:.4f} USD · {(ends - run.created).total_seconds():.0f} s", style="dim"
    )
    link = Text(f"{ui_url}/runs/flow-run/{run.flow_run}" if run.flow_run and ui_url else "", style="dim")
    end = (
        Text(run.message, style="bold green" if run.state is RunState.DELIVERED else "bold yellow") if run.message else Text("")
    )
    return Group(table, foot, link, end)


def mark(step: str, now: str, run: Run) -> RenderableType:
    order = list(STEPS)
    if run.state is RunState.DELIVERED or order.index(step) < order.index(now):
        return Text("✓", style="green")
    if step != now:
        return Text("·", style="dim")
    if run.state.ended:
        return Text("✗", style="red")
    return Text("…", style="yellow") if run.state is RunState.WAITING else Spinner("dots", style="cyan")


def detail(step: str, lines: Sequence[Progress]) -> str:
    """Return the newest thing said of a step."""
    of_step = [line for line in lines if line.step == step]
    if step == "develop":
        rounds = [line for line in of_step if line.kind == "round"]
        last = of_step[-1].text if of_step else ""
        return f"{rounds[-1].text}: {last.splitlines()[0] if last else ''}" if rounds else ""
    if step == "test":
        return "; ".join(line.text for line in of_step if line.kind == "report") or (of_step[-1].text if of_step else "")
    return of_step[-1].text if of_step else ""
