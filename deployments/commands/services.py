"""Commands that run Slipway itself: up, doctor, demo, and each service alone."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deployments.commands.work import JSON
from deployments.data_folder import AlreadyUp
from deployments.settings import load_settings
from deployments.terminal import FAILED_RUN, finish, print_json


def up(context: typer.Context) -> None:
    """Start what is not there already and keep it running; Ctrl-C stops it, the apps are resumed by the next `up`."""
    raise typer.Exit(finish(stay_up(), debug=context.obj))


async def stay_up() -> int:
    """Be the supervisor until a signal comes."""
    from deployments.supervisor import up as supervise

    ended = asyncio.Event()
    stop_on_signals(ended)
    try:
        await supervise(load_settings(), say, ended)
    except AlreadyUp as already:
        say(str(already))
    return 0


def stop_on_signals(ended: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)


def say(text: str) -> None:
    """Print a line for the operator; stdout belongs to documents."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def doctor(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """Say what is found, what is missing, and the command that mends it."""

    async def work() -> int:
        from deployments.doctor import examine

        findings = await examine(load_settings())
        if as_json:
            print_json({"findings": [finding.model_dump() for finding in findings]})
        else:
            table = Table("", "what", "found", "what to do", box=None, header_style="dim")
            for finding in findings:
                sign = {True: "[green]✓[/green]", False: "[red]✗[/red]", None: "[yellow]·[/yellow]"}[finding.ok]
                table.add_row(sign, finding.name, finding.found, "" if finding.ok else finding.cure)
            Console().print(table)
        return FAILED_RUN if any(finding.ok is False for finding in findings) else 0

    raise typer.Exit(finish(work(), debug=context.obj, as_json=as_json))


def demo(
    context: typer.Context,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Leave the app running until Ctrl-C.")] = True,
) -> None:
    """Do the main job once, from a sentence to an address, and show what happened."""
    from deployments.demo import show

    raise typer.Exit(finish(show(keep), debug=context.obj))


def server(context: typer.Context) -> None:
    """Run the Prefect server alone."""
    from deployments.alone import run_server

    finish(run_server(load_settings()), debug=context.obj)


def runner(context: typer.Context) -> None:
    """Run the worker of the deployments alone."""
    from deployments.alone import run_runner

    finish(run_runner(load_settings()), debug=context.obj)


def bot(context: typer.Context) -> None:
    """Run the Telegram bot alone."""
    from deployments.alone import run_bot

    finish(run_bot(load_settings()), debug=context.obj)


def replay(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of a recorded model session.", exists=True, file_okay=False)],
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8089,
) -> None:
    """Serve a recorded model session as a Messages API on loopback."""
    from deployments.alone import run_replay

    finish(run_replay(folder, port), debug=context.obj)
