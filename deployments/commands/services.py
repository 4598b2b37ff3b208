"""Commands that run Slipway itself: up, doctor, demo, and each service alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.projects import JSON
from deployments.commands.where import LOOKS, STARTS, alone
from deployments.terminal import DONE, FAILED_RUN, console, print_json

if TYPE_CHECKING:
    from deployments.commands.sessions import Shared


@alone(STARTS)
async def up(_: "Shared") -> int:
    """Start Slipway and keep it running until Ctrl-C.

    Starts what is not there already; the apps are resumed by the next `up`.
    """
    from deployments.supervision.standing import stay_up

    return await stay_up()


@alone(LOOKS)
async def doctor(_: "Shared", as_json: Annotated[bool, JSON] = False) -> int:
    """Say what is missing, and the command that mends it."""
    from deployments.checks.doctor import examine
    from deployments.settings import load_settings
    from deployments.tables import show_findings

    findings = await examine(load_settings())
    documents = [finding.model_dump() for finding in findings]
    print_json({"findings": documents}) if as_json else show_findings(documents, console())
    return FAILED_RUN if any(finding.ok is False for finding in findings) else DONE


@alone(STARTS)
async def demo(
    _: "Shared",
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Leave the app running until Ctrl-C.")] = True,
) -> int:
    """Do the main job once, from a sentence to an address."""
    from deployments.demo import show

    return await show(keep)


@alone(STARTS, quiet=False)
async def server(_: "Shared") -> None:
    """Run the Prefect server alone."""
    from deployments.settings import load_settings
    from deployments.supervision.alone import run_server

    await run_server(load_settings())


@alone(STARTS, quiet=False)
async def runner(_: "Shared") -> None:
    """Run the worker of the deployments alone."""
    from deployments.settings import load_settings
    from deployments.supervision.alone import run_runner

    await run_runner(load_settings())


@alone(STARTS, quiet=False)
async def bot(_: "Shared") -> None:
    """Run the Telegram bot alone."""
    from deployments.settings import load_settings
    from deployments.supervision.alone import run_bot

    await run_bot(load_settings())


@alone(STARTS, quiet=False)
async def api(_: "Shared") -> None:
    """Run the HTTP API alone."""
    from deployments.settings import load_settings
    from deployments.supervision.alone import run_api

    await run_api(load_settings())


@alone(STARTS, quiet=False)
async def replay(
    _: "Shared",
    folder: Annotated[Path, typer.Argument(help="Folder of a recorded model session.", exists=True, file_okay=False)],
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on loopback.")] = 8089,
) -> None:
    """Serve a recorded model session as a Messages API on loopback."""
    from deployments.supervision.alone import run_replay

    await run_replay(folder, port)
