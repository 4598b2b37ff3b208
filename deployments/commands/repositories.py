"""The command that says which repository at GitHub is a project's own."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.commands.where import asks
from deployments.terminal import print_json
from domain.errors import BadInput

if TYPE_CHECKING:
    from deployments.asked_place import Place

REPOSITORY = typer.Argument(help="OWNER/NAME; without it, what is set is shown.")
NONE = typer.Option("--none", help="The project has no repository any more.")
INVITE = typer.Option("--invite", metavar="LOGIN", help="Invite somebody at GitHub as its administrator.")
TRANSFER = typer.Option("--transfer", metavar="OWNER", help="Give it to another owner at GitHub, who must accept it.")


@asks
async def repository(
    place: "Place",
    project: Annotated[str, PROJECT],
    name: Annotated[str | None, REPOSITORY] = None,
    none: Annotated[bool, NONE] = False,
    invite: Annotated[str | None, INVITE] = None,
    transfer: Annotated[str | None, TRANSFER] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show, set or give away a project's repository at GitHub."""
    if name and none:
        raise BadInput("give OWNER/NAME or --none, not both")
    if name or none:
        await place.set_repository(project, name or "")
    if invite:
        await place.invite_to_repository(project, invite)
    if transfer:
        await place.transfer_repository(project, transfer)
    document = await place.repository(project)
    print_json(document) if as_json else sys.stdout.write(told(document))


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
