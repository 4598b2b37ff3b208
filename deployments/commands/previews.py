"""`slipway preview`: changes that are up to be looked at, before they go live."""

import sys
from typing import Annotated, Any

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.terminal import FAILED_RUN, console, finish, print_json

NUMBER = typer.Argument(help="Number of the preview; else the newest that is up.", min=1)

preview = typer.Typer(help="Changes that are up to be looked at, before they go live.", no_args_is_help=True)


@preview.command("list")
def list_previews(context: typer.Context, project: Annotated[str, PROJECT], as_json: Annotated[bool, JSON] = False) -> None:
    """List a project's previews: where they are, until when, and how they ended."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.documents import known, previews
            from deployments.tables import previews as table_of
            from deployments.tables import show

            found = await previews(desk, await known(desk, project))
            if as_json:
                print_json({"project": project, "previews": found})
            elif found:
                show(console(), table_of(found))
            else:
                sys.stdout.write(f'{project} has no preview: `slipway change {project} "..." --preview` makes one\n')
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@preview.command("open")
def open_preview(
    context: typer.Context, project: Annotated[str, PROJECT], number: Annotated[int | None, NUMBER] = None
) -> None:
    """Print the preview's address, and open it in a browser."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.documents import known
            from deployments.terminal import browse
            from domain.errors import BadInput
            from domain.previews import PreviewState
            from tasks.preview_ends import preview_numbered

            await known(desk, project)
            found = await preview_numbered(project, number, desk.registry)
            if found.state is not PreviewState.UP:
                raise BadInput(f"preview {found.number} of {project} is {found.state.value}: there is nothing to open")
            await browse(desk.blocks.installation.address_of(found.host))
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))


@preview.command("confirm")
def confirm(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    number: Annotated[int | None, NUMBER] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is online.")] = True,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Put exactly what the preview shows online."""

    async def work() -> int:
        async with context.obj.session() as (desk, up):
            from deployments.documents import known, run_document
            from deployments.live import watch
            from deployments.people import person
            from domain.runs import Origin, RunState

            await known(desk, project)
            run = await desk.confirm(project, number, Origin(channel="cli", person=person()))
            if wait:
                run = await watch(run.id, desk.registry, desk.wakeups, console(stderr=as_json), up.prefect_ui_url)
            if as_json:
                print_json(await run_document(desk, run, up))
            elif not wait:
                sys.stdout.write(f"{project} goes live by run {run.id}: follow it with `slipway logs {project} --follow`\n")
            return 0 if not wait or run.state is RunState.DELIVERED else FAILED_RUN

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@preview.command("drop")
def drop(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    number: Annotated[int | None, NUMBER] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Take a preview away; what serves is as it was."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.documents import known, preview_document
            from deployments.people import person

            await known(desk, project)
            gone = await desk.drop(project, number, person())
            document: dict[str, Any] = await preview_document(desk, gone)
            if as_json:
                print_json(document)
            else:
                sys.stdout.write(f"preview {gone.number} of {project} is {gone.state.value}\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))
