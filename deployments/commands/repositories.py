"""The command that says which repository at GitHub is a project's own."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.terminal import finish, print_json

if TYPE_CHECKING:
    from deployments.requests import Desk
    from domain.runs import Project

REPOSITORY = typer.Argument(help="OWNER/NAME; without it, what is set is shown.")
NONE = typer.Option("--none", help="The project has no repository any more.")
INVITE = typer.Option("--invite", metavar="LOGIN", help="Invite somebody at GitHub as its administrator.")
TRANSFER = typer.Option("--transfer", metavar="OWNER", help="Give it to another owner at GitHub, who must accept it.")


def repository(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    name: Annotated[str | None, REPOSITORY] = None,
    none: Annotated[bool, NONE] = False,
    invite: Annotated[str | None, INVITE] = None,
    transfer: Annotated[str | None, TRANSFER] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show or set the project's repository at GitHub, or let a person have it."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.documents import known

            found = await known(desk, project)
            if name or none:
                found = await changed(desk, found, name or "", none=none)
            if invite or transfer:
                await given(desk, found, invite or "", transfer or "")
            document = await shown(desk, found)
            print_json(document) if as_json else sys.stdout.write(told(document))
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


async def changed(desk: "Desk", project: "Project", name: str, *, none: bool) -> "Project":
    """Set the repository, or none; the change is part of the project's history."""
    from deployments.people import person
    from domain.errors import BadInput
    from domain.names import checked_repository
    from tasks.audit import record

    if name and none:
        raise BadInput("give OWNER/NAME or --none, not both")
    wanted = checked_repository(name) if name else ""
    await desk.registry.set_repository(project.slug, wanted)
    what = f"repository set to {wanted}" if wanted else "repository taken away"
    await record(project.slug, person(), what, desk.registry)
    return project.model_copy(update={"repository": wanted})


async def given(desk: "Desk", project: "Project", invite: str, transfer: str) -> None:
    """Invite a person, or give the repository away; both are part of the project's history."""
    from deployments.people import person
    from domain.errors import BadInput
    from domain.names import checked_login
    from tasks.audit import record

    github, name = desk.blocks.github, project.repository
    if github is None:
        raise BadInput("Slipway does not act at GitHub: set SLIPWAY_GITHUB_APP_ID or SLIPWAY_GITHUB_TOKEN (docs/github.md)")
    if not name:
        raise BadInput(f"{project.slug} has no repository at GitHub: `slipway repository {project.slug} OWNER/NAME` sets it")
    if invite:
        await github.repositories.invite(name, checked_login(invite))
        await record(project.slug, person(), f"{invite} invited to {name}", desk.registry)
    if transfer:
        await github.repositories.transfer(name, checked_login(transfer))
        await record(project.slug, person(), f"{name} offered to {transfer}", desk.registry)


async def shown(desk: "Desk", project: "Project") -> dict[str, Any]:
    """Return what is set, and what a worker would still lack."""
    from domain.git_credentials import TOKEN_SECRET, site_of
    from tasks.kinds import kind_named

    installation = desk.blocks.installation
    return {
        "project": project.slug,
        "repository": project.repository or None,
        "address": site_of(installation.github_url).address(project.repository) if project.repository else None,
        "token": TOKEN_SECRET in await desk.blocks.vault.names(project.slug),
        "workers": "github" in (*installation.capabilities, *kind_named(project.kind).capabilities),
    }


def told(document: dict[str, Any]) -> str:
    """Return the sentences for a person: what is set, and the next thing to do."""
    slug = document["project"]
    if not document["address"]:
        return f"{slug} has no repository at GitHub: `slipway repository {slug} OWNER/NAME` sets it\n"
    lines = [f"{slug} has the repository {document['address']}"]
    if not document["token"]:
        lines.append(
            f"it has no token: make a fine-grained one for this repository alone and store it with "
            f"`slipway secret set {slug} GITHUB_TOKEN`"
        )
    if not document["workers"]:
        lines.append("no worker has the capability: set SLIPWAY_CAPABILITIES=github and start `slipway up` again")
    return "".join(f"{line}\n" for line in lines)
