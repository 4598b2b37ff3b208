"""Commands that start, follow and stop work."""

import getpass
import os
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown

from deployments.commands.sessions import session
from deployments.data_folder import Up
from deployments.live import watch
from deployments.requests import Desk, Proposal
from deployments.terminal import FAILED_RUN, PERSON, finish, print_json
from domain.briefs import as_markdown
from domain.errors import BadInput
from domain.runs import Origin, Run, RunState

TEXT = typer.Argument(help="What you want, in your own words; `-` reads it from standard input.")
YES = typer.Option("--yes", "-y", help="Accept the Brief without being asked.")
WAIT = typer.Option("--wait/--no-wait", help="Stay until the run rests.")
JSON = typer.Option("--json", help="Print one JSON document and nothing else on stdout.")


def new(
    context: typer.Context,
    text: Annotated[str, TEXT],
    name: Annotated[str | None, typer.Option("--name", help="Name of the project and its address.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Kind of project; else the Product Owner chooses.")] = None,
    yes: Annotated[bool, YES] = False,
    wait: Annotated[bool, WAIT] = True,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Build something new from a sentence."""
    raise typer.Exit(
        finish(
            request(read(text), name=name, kind=kind, project=None, yes=yes, wait=wait, as_json=as_json),
            debug=context.obj,
            as_json=as_json,
        )
    )


def change(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="Name of the project.")],
    text: Annotated[str, TEXT],
    yes: Annotated[bool, YES] = False,
    wait: Annotated[bool, WAIT] = True,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Change a project; its earlier acceptance checks are run again."""
    raise typer.Exit(
        finish(
            request(read(text), name=None, kind=None, project=project, yes=yes, wait=wait, as_json=as_json),
            debug=context.obj,
            as_json=as_json,
        )
    )


def read(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


async def request(
    text: str, *, name: str | None, kind: str | None, project: str | None, yes: bool, wait: bool, as_json: bool
) -> int:
    """Take a request from text to its end, or to the point where it goes on alone; return the exit code."""
    console = Console(stderr=as_json)
    async with session() as (desk, up):
        if not yes and not sys.stdin.isatty():
            raise BadInput("nobody can be asked here: add --yes to accept the Brief as it is written")
        if up.replay:
            console.print("No ANTHROPIC_API_KEY is set: a recorded model session answers.", style="yellow")
        with console.status("The Product Owner reads your request…"):
            proposal = await desk.propose(text, Origin(channel="cli", person=person()), name=name, kind=kind, project=project)
        if not as_json:
            console.print(Markdown(as_markdown(proposal.brief)))
        if not yes and not typer.confirm("Build this?", default=True):
            console.print("Nothing was started.")
            return 0
        return await build(desk, proposal, up, console, wait=wait, as_json=as_json)


async def build(desk: Desk, proposal: Proposal, up: Up, console: Console, *, wait: bool, as_json: bool) -> int:
    """Hand the accepted Brief over, and follow the run when asked to."""
    run = await desk.start(proposal)
    if wait:
        run = await watch(run.id, desk.registry, desk.wakeups, console, up.prefect_ui_url)
    if as_json:
        print_json(await run_document(desk, run, up))
    elif wait and not console.is_terminal:
        console.print(run.message, markup=False, highlight=False)
    elif not wait:
        console.print(f"{run.project} is being built as {run.id}: follow it with `slipway logs {run.project} --follow`")
    return ended_code(run) if wait else 0


def ended_code(run: Run) -> int:
    return {RunState.DELIVERED: 0, RunState.WAITING: PERSON}.get(run.state, FAILED_RUN)


def person() -> str:
    """Return who asks, as the registry names people of this machine."""
    return f"local:{os.environ.get('SUDO_USER') or getpass.getuser()}"


async def run_document(desk: Desk, run: Run, up: Up) -> dict[str, Any]:
    """Return everything about a run as one JSON document."""
    cost = await desk.registry.cost(run=run.id)
    reports = [line.text for line in await desk.registry.progress(run.id) if line.kind == "report"]
    return {
        "run": run.id,
        "project": run.project,
        "state": run.state.value,
        "step": run.step,
        "rounds": run.round,
        "address": run.address,
        "message": run.message,
        "waits_for": list(run.waits_for),
        "reports": reports,
        "cost_usd": cost.usd,
        "calls": cost.calls,
        "tokens": cost.tokens.model_dump(),
        "flow_run": f"{up.prefect_ui_url}/runs/flow-run/{run.flow_run}" if run.flow_run else "",
        "created": run.created.isoformat(),
        "ended": run.ended.isoformat() if run.ended else None,
    }


def cancel(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="Id of the run, like r-0123456789.")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Stop a run; what it did so far stays in its repository."""

    async def work() -> int:
        async with session() as (desk, up):
            ended = await desk.cancel(run, person())
            print_json(await run_document(desk, ended, up)) if as_json else Console().print(
                f"{run} is {ended.state.value}: {ended.message}"
            )
            return 0

    raise typer.Exit(finish(work(), debug=context.obj, as_json=as_json))


def rollback(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="Name of the project.")],
    version: Annotated[int | None, typer.Argument(help="Release to go back to; else the previous good one.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; the history keeps it.")] = "asked for by hand",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Bring the previous good release back."""

    async def work() -> int:
        from deployments.flow_results import result_of

        async with session() as (desk, _):
            done = await result_of(await desk.rollback(project, reason, person(), version))
            print_json(done.model_dump()) if as_json else Console().print(done.message, markup=False)
            return 0 if done.outcome == "rolled back" else FAILED_RUN

    raise typer.Exit(finish(work(), debug=context.obj, as_json=as_json))
