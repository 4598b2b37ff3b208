"""`slipway page`: where the owner's page is, and a link that signs in there."""

import sys
from typing import Annotated

import typer

from deployments.commands.projects import JSON
from deployments.terminal import finish, print_json

OWNER = typer.Option("--owner", help="Who signs in by it, like local:anna or telegram:1001; else you.")
OPERATOR = typer.Option("--operator", help="Everybody's projects can be seen and changed there, not the owner's alone.")


def page(
    context: typer.Context,
    owner: Annotated[str | None, OWNER] = None,
    operator: Annotated[bool, OPERATOR] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Print a link that signs you in to your page, once, within ten minutes."""

    async def work() -> int:
        async with context.obj.session() as (desk, up):
            from datetime import UTC, datetime
            from pathlib import Path

            from deployments.api.pepper import pepper_of
            from deployments.data_folder import DataFolder
            from deployments.people import person
            from deployments.web.links import MINUTES, link_of
            from domain.errors import BadInput
            from domain.keys import Scope
            from tasks.visits import PERSONAL, make_link

            if not up.page_url:
                raise BadInput("there is no page without the HTTP API: set SLIPWAY_API_PORT and start `slipway up` again")
            scopes = (*PERSONAL, Scope.OPERATOR) if operator else PERSONAL
            pepper, who = pepper_of(DataFolder(Path(up.home))), owner or person()
            code = await make_link(who, scopes, pepper, desk.registry, datetime.now(UTC))
            link = link_of(up.page_url, code)
            if as_json:
                print_json({"link": link, "owner": who, "scopes": [scope.value for scope in scopes], "minutes": MINUTES})
            else:
                sys.stdout.write(f"{link}\n")
                sys.stderr.write(f"it signs {who} in once, within {MINUTES} minutes\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))
