"""`slipway preview`: changes that are up to be looked at, before they go live."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.commands.where import asks
from deployments.terminal import console, print_json
from domain.errors import BadInput

if TYPE_CHECKING:
    from deployments.asked_place import Place

NUMBER = typer.Argument(help="Number of the preview; else the newest that is up.", min=1)

preview = typer.Typer(help="Changes that are up to be looked at, before they go live.", no_args_is_help=True)


@preview.command("list")
@asks
async def list_previews(place: "Place", project: Annotated[str, PROJECT], as_json: Annotated[bool, JSON] = False) -> None:
    """List a project's previews, open and ended ones."""
    from deployments import tables

    found = await place.previews(project)
    if as_json:
        print_json({"project": project, "previews": found})
    elif found:
        tables.show(console(), tables.previews(found))
    else:
        sys.stdout.write(f'{project} has no preview: `slipway change {project} "..." --preview` makes one\n')


@preview.command("open")
@asks
async def open_preview(place: "Place", project: Annotated[str, PROJECT], number: Annotated[int | None, NUMBER] = None) -> None:
    """Print the preview's address, and open it in a browser."""
    from deployments.terminal import browse

    found = await place.preview(project, number)
    if not found["address"]:
        raise BadInput(f"preview {found['preview']} of {project} is {found['state']}: there is nothing to open")
    await browse(found["address"])


@preview.command("confirm")
@asks
async def confirm(
    place: "Place",
    project: Annotated[str, PROJECT],
    number: Annotated[int | None, NUMBER] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is online.")] = True,
    as_json: Annotated[bool, JSON] = False,
) -> int:
    """Put exactly what the preview shows online."""
    from deployments.live import ended_code, watch

    run = await place.confirm(project, number)
    if wait:
        run = await watch(place, run["run"], console(stderr=as_json))
    if as_json:
        print_json(run)
    elif not wait:
        sys.stdout.write(f"{project} goes live by run {run['run']}: follow it with `slipway logs {project} --follow`\n")
    return ended_code(run) if wait else 0


@preview.command("drop")
@asks
async def drop(
    place: "Place",
    project: Annotated[str, PROJECT],
    number: Annotated[int | None, NUMBER] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Take a preview away; what serves is as it was."""
    gone = await place.drop(project, number)
    if as_json:
        print_json(gone)
    else:
        sys.stdout.write(f"preview {gone['preview']} of {project} is {gone['state']}\n")
