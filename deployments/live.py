"""The live view of a run in a terminal: steps, rounds, tests, cost, address."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from deployments.terminal import DONE, FAILED_RUN, PERSON
from domain.errors import ServiceUnreachable, UnknownObject
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import STEPS, Progress, Run, RunState, run_channel

if TYPE_CHECKING:
    from deployments.asked_place import Place
    from deployments.place_values import Document

LOOK_AGAIN = 1.0
"""Seconds after which the registry is read without a hint: hints can be lost; no picture needs it more often."""

TITLES = {
    "brief": "Brief",
    "prepare": "Repository",
    "plan": "Plan",
    "develop": "Code",
    "test": "Tests",
    "prove": "Proof",
    "environment": "Environment",
    "deploy": "Deploy",
}


async def follow(
    run: str, registry: Registry, wakeups: Wakeups, until: Callable[[Run], bool], after: int = 0
) -> AsyncGenerator[tuple[Run, list[Progress]], None]:
    """Yield the run and all its progress behind number `after` after each change, until `until` says so of the run."""
    lines: list[Progress] = []
    hints: asyncio.Queue[None] = asyncio.Queue()
    listener = asyncio.create_task(listen(run, wakeups, hints))
    try:
        while True:
            found = await registry.run(run)
            if found is None:
                raise UnknownObject("run", run)
            lines += await registry.progress(run, lines[-1].sequence if lines else after)  # after it: an ended run says no more
            yield found, lines
            if until(found):
                return
            with suppress(TimeoutError):  # not by wait_for, which loses a cancellation that comes with the hint (bells.py)
                async with asyncio.timeout(LOOK_AGAIN):
                    await hints.get()
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


async def watch(place: "Place", run: str, screen: Console) -> "Document":
    """Show the run until it rests, and return it; a terminal gets one picture redrawn, anything else a line for each step."""
    current = await place.run(run)
    if current["flow_run"]:  # outside the picture, so that it stays one line and can be clicked
        screen.print(Text(current["flow_run"], style="dim"), soft_wrap=True)
    await (_drawn if screen.is_terminal else _listed)(place, current, screen)
    return await place.run(run)


async def _listed(place: "Place", current: "Document", screen: Console) -> None:
    async for line in place.progress(current["run"], stay=True):
        if line.kind != "log":
            screen.print(plain(line), markup=False)


async def _drawn(place: "Place", current: "Document", screen: Console) -> None:
    lines: list[Progress] = []
    looked = -LOOK_AGAIN
    with Live(console=screen, refresh_per_second=8, get_renderable=lambda: picture(current, lines)):
        async for line in place.progress(current["run"], stay=True):
            lines.append(line)
            if time.monotonic() - looked >= LOOK_AGAIN:  # what went on for long brings hundreds of lines at once
                current, looked = await place.run(current["run"]), time.monotonic()
        current = await place.run(current["run"])


def ended_code(run: "Document") -> int:
    """Return the exit code of a command that has followed the run."""
    return {RunState.DELIVERED: DONE, RunState.WAITING: PERSON}.get(run["state"], FAILED_RUN)


def plain(line: Progress) -> str:
    """Return one line of progress as text."""
    return f"{line.at.astimezone():%H:%M:%S} {line.text}"


def picture(run: "Document", lines: Sequence[Progress]) -> RenderableType:
    """Draw the run as it stands."""
    steps = Table.grid(padding=(0, 2))
    reached = [line.step for line in lines if line.kind in ("step", "round")]
    now = reached[-1] if reached else "brief"
    for step in (s for s in STEPS if s in TITLES):
        steps.add_row(mark(step, now, RunState(run["state"])), TITLES[step], detail(step, lines))
    ended = datetime.fromisoformat(run["ended"]) if run["ended"] else datetime.now(UTC)
    seconds = int((ended - datetime.fromisoformat(run["created"])).total_seconds())
    foot = f"{run['project']} · {run['state']} · {run['cost_usd']:.4f} USD · {seconds // 60}:{seconds % 60:02}"
    return Group(steps, Text(foot, style="dim"), *ending(run))


def ending(run: "Document") -> Iterator[RenderableType]:
    """Yield how it ended or what it waits for, and the address."""
    delivered = run["state"] == RunState.DELIVERED
    if run["message"]:
        yield Text(run["message"], style="bold green" if delivered else "bold yellow")
    if delivered and run["address"] not in run["message"]:
        yield Text(run["address"], style="bold green", no_wrap=True)


def mark(step: str, now: str, state: RunState) -> RenderableType:
    order = list(STEPS)
    if state is RunState.DELIVERED or order.index(step) < order.index(now):
        return Text("✓", style="green")
    if step != now:
        return Text("·", style="dim")
    if state.ended:
        return Text("✗", style="red")
    return Text("…", style="yellow") if state is RunState.WAITING else Spinner("dots", style="cyan")


def detail(step: str, lines: Sequence[Progress]) -> Text:
    """Return the newest thing said of a step; of the tests one line for each round."""
    of_step = [line for line in lines if line.step == step]
    reports = [line for line in of_step if line.kind == "report"] if step == "test" else []
    if reports:
        rounds = Text("\n").join(verdict(number, line) for number, line in enumerate(reports, 1))
        rounds.no_wrap, rounds.overflow = True, "ellipsis"
        return rounds
    said = of_step[-1].text.split("\n")[0] if of_step else ""
    rounds_begun = [line.text for line in of_step if line.kind == "round"]
    if step == "develop" and rounds_begun and said != rounds_begun[-1]:
        said = f"{rounds_begun[-1]}: {said}"
    return Text(said, overflow="ellipsis", no_wrap=True)


def verdict(number: int, report: Progress) -> Text:
    """Say how one round's tests ended."""
    passed = report.data.get("outcome") == "passed"
    counts = f"{report.data.get('passed', 0)} passed, {report.data.get('failed', 0)} failed"
    return Text(f"round {number}: {report.data.get('outcome', '')}, {counts}", style="green" if passed else "yellow")
