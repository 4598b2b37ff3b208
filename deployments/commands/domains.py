"""`slipway domain`: host names that lead to a project beside its own."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.commands.where import asks
from deployments.terminal import print_json

if TYPE_CHECKING:
    from deployments.asked_place import Place

HOST = typer.Argument(help="Host name, like shop.example.org.")

domain = typer.Typer(help="Host names that lead to a project beside its own.", no_args_is_help=True)


@domain.command("add")
@asks
async def add(
    place: "Place",
    project: Annotated[str, PROJECT],
    host: Annotated[str, HOST],
    main: Annotated[bool, typer.Option("--main", help="Make the project's address of it, by a new release.")] = False,
) -> None:
    """Let a host name lead to the project as well. Its DNS record is yours to make."""
    led = await place.add_domain(project, host, main=main)
    sys.stdout.write(f"{led.message}\n")
    if led.warning:
        sys.stderr.write(f"{led.warning}\n")


@domain.command("list")
@asks
async def list_domains(place: "Place", project: Annotated[str, PROJECT], as_json: Annotated[bool, JSON] = False) -> None:
    """List the host names that lead to a project, its own first."""
    hosts = list(await place.domains(project))
    print_json({"project": project, "domains": hosts}) if as_json else sys.stdout.write("\n".join(hosts) + "\n")


@domain.command("rm")
@asks
async def remove(place: "Place", project: Annotated[str, PROJECT], host: Annotated[str, HOST]) -> None:
    """Let a host name lead to the project no more."""
    sys.stdout.write(f"{await place.remove_domain(project, host)} does not lead to {project} any more\n")
