"""Commands that run Slipway itself: up, doctor, demo, and each service alone."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.commands.projects import JSON
from deployments.terminal import DONE, FAILED_RUN, console, finish, print_json

if TYPE_CHECKING:
    from deployments.settings import Settings


def up(context: typer.Context) -> None:
    """Start Slipway and keep it running until Ctrl-C.

    Starts what is not there already; the apps are resumed by the next `up`.
    """

    async def work() -> int:
        from deployments.standing import stay_up

        return await stay_up()

    raise typer.Exit(finish(work(), debug=context.obj.debug))


def doctor(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """Say what is missing, and the command that mends it."""

    async def work() -> int:
        from deployments.doctor import examine
        from deployments.settings import load_settings
        from deployments.tables import show_findings

        findings = await examine(load_settings())
        documents = [finding.model_dump() for finding in findings]
        print_json({"findings": documents}) if as_json else show_findings(documents, console())
        return FAILED_RUN if any(finding.ok is False for finding in findings) else DONE

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


def demo(
    context: typer.Context,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Leave the app running until Ctrl-C.")] = True,
) -> None:
    """Do the main job once, from a sentence to an address."""

    async def work() -> int:
        from deployments.demo import show

        return await show(keep)

    raise typer.Exit(finish(work(), debug=context.obj.debug))


def server(context: typer.Context) -> None:
    """Run the Prefect server alone."""
    _alone(context, lambda alone, settings: alone.run_server(settings))


def runner(context: typer.Context) -> None:
    """Run the worker of the deployments alone."""
    _alone(context, lambda alone, settings: alone.run_runner(settings))


def bot(context: typer.Context) -> None:
    """Run the Telegram bot alone."""
    _alone(context, lambda alone, settings: alone.run_bot(settings))


def api(context: typer.Context) -> None:
    """Run the HTTP API alone."""
    _alone(context, lambda alone, settings: alone.run_api(settings))


def replay(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of a recorded model session.", exists=True, file_okay=False)],
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on loopback.")] = 8089,
) -> None:
    """Serve a recorded model session as a Messages API on loopback."""
    _alone(context, lambda alone, _: alone.run_replay(folder, port))


def _alone(context: typer.Context, service: "Callable[[Any, Settings], Coroutine[Any, Any, None]]") -> None:
    """Become one service; its own log lines are what its operator wants to see."""

    async def work() -> None:
        from deployments import alone
        from deployments.settings import load_settings

        await service(alone, load_settings())

    finish(work(), debug=context.obj.debug, quiet=False)
