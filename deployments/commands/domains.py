"""`slipway domain`: host names that lead to a project beside its own."""

import sys
from typing import Annotated

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.terminal import finish, print_json
from domain.errors import BadInput

HOST = typer.Argument(help="Host name, like shop.example.org.")

domain = typer.Typer(help="Host names that lead to a project beside its own.", no_args_is_help=True)


@domain.command("add")
def add(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    host: Annotated[str, HOST],
    main: Annotated[bool, typer.Option("--main", help="Make the project's address of it, by a new release.")] = False,
) -> None:
    """Let a host name lead to the project as well; its DNS record is yours to make."""

    async def work_elsewhere() -> int:
        if main:
            raise BadInput("a main domain is chosen on the machine itself alone: add the host without --main")
        async with context.obj.elsewhere() as place:
            sys.stdout.write(f"{await place.add_domain(project, host)}\n")
            return 0

    async def work() -> int:
        async with context.obj.session() as (desk, up):
            from deployments.documents import known
            from deployments.name_check import host_warning
            from deployments.people import person
            from deployments.releasing import release_at
            from domain.releases import live
            from domain.runs import Origin
            from tasks.domains import add_domain, make_main

            await known(desk, project)
            blocks = desk.blocks
            added = await add_domain(
                project, host, person(), up.base_domain, desk.registry, blocks.engine, blocks.proxy, desk.wakeups
            )
            online = live(await desk.registry.releases(project)) is not None
            address = blocks.installation.address_of(added.host)
            sys.stdout.write(f"{address} leads to {project}" + ("\n" if online else " once that is online\n"))
            if main:
                await make_main(added, desk.registry)
            if main and online:
                run = await release_at(added.host, project, Origin(channel="cli", person=person()), desk.registry)
                sys.stdout.write(f"the app itself hears of it by run {run.id}\n")
            if warning := await host_warning(added.host):
                sys.stderr.write(f"{warning}\n")
            return 0

    raise typer.Exit(finish(work_elsewhere() if context.obj.server else work(), debug=context.obj.debug))


@domain.command("list")
def list_domains(context: typer.Context, project: Annotated[str, PROJECT], as_json: Annotated[bool, JSON] = False) -> None:
    """List the host names that lead to a project, its own first."""

    async def work() -> int:
        async with context.obj.place() as place:
            hosts = list(await place.domains(project))
            print_json({"project": project, "domains": hosts}) if as_json else sys.stdout.write("\n".join(hosts) + "\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@domain.command("rm")
def remove(context: typer.Context, project: Annotated[str, PROJECT], host: Annotated[str, HOST]) -> None:
    """Let a host name lead to the project no more."""

    async def work() -> int:
        async with context.obj.place() as place:
            gone = await place.remove_domain(project, host)
            sys.stdout.write(f"{gone} does not lead to {project} any more\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))
