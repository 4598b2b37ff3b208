"""`slipway page`: where the owner's page is, and a link that signs in there."""

import sys
from typing import TYPE_CHECKING, Annotated, cast

import typer

from deployments.commands.projects import JSON
from deployments.commands.where import SIGNS_IN, alone
from deployments.terminal import print_json
from domain.errors import BadInput

if TYPE_CHECKING:
    from deployments.commands.sessions import Shared

OWNER = typer.Option("--owner", help="Who signs in by it, like local:anna or telegram:1001; else you.")
OPERATOR = typer.Option("--operator", help="Everybody's projects can be seen and changed there, not the owner's alone.")


@alone(SIGNS_IN)
async def page(
    shared: "Shared",
    owner: Annotated[str | None, OWNER] = None,
    operator: Annotated[bool, OPERATOR] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Print a link that signs you in to your page. It counts once, within ten minutes."""
    async with shared.session() as (desk, up):
        from datetime import UTC, datetime
        from pathlib import Path

        from deployments.api.pepper import pepper_of
        from deployments.data_folder import DataFolder
        from deployments.people import checked_person, person
        from deployments.web.links import MINUTES, link_of
        from domain.doors import DoorRegistry
        from domain.keys import Scope
        from tasks.visits import PERSONAL, make_link

        if not up.page_url:
            raise BadInput("there is no page without the HTTP API: set SLIPWAY_API_PORT and start `slipway up` again")
        scopes = (*PERSONAL, Scope.OPERATOR) if operator else PERSONAL
        registry = cast(DoorRegistry, desk.registry)
        who = await checked_person(owner, registry) if owner else person()
        code = await make_link(who, scopes, pepper_of(DataFolder(Path(up.home))), registry, datetime.now(UTC))
        link = link_of(up.page_url, code)
        if as_json:
            print_json({"link": link, "owner": who, "scopes": [scope.value for scope in scopes], "minutes": MINUTES})
        else:
            sys.stdout.write(f"{link}\n")
            sys.stderr.write(f"it signs {who} in once, within {MINUTES} minutes\n")
