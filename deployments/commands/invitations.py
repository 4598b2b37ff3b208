"""`slipway invite`: codes that let people in to the bot."""

import sys
from typing import Annotated

import typer

from deployments.commands.projects import JSON
from deployments.terminal import console, finish, print_json

USES = typer.Option("--uses", min=1, max=10_000, help="How many people may come in by it.")
EXPIRES = typer.Option("--expires", min=0.01, max=3650, help="Days for which it counts; without, until it is used or revoked.")
NOTE = typer.Option("--note", help="For whom it is; shown by `slipway invite list` only.")
NUMBER = typer.Argument(help="Number, as `slipway invite list` shows it.")

invite = typer.Typer(help="Make a code by which somebody may use the bot; it is shown once.", invoke_without_command=True)


@invite.callback()
def make(
    context: typer.Context,
    uses: Annotated[int, USES] = 1,
    expires: Annotated[float | None, EXPIRES] = None,
    note: Annotated[str, NOTE] = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make a code by which somebody may use the bot; it is shown once, and only its digest is kept."""
    if context.invoked_subcommand is not None:
        return

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.bot_access import bot_name
            from deployments.inviting import NEEDS_SETTING, as_text, link_of, new_invitation
            from deployments.people import person

            at = desk.blocks.installation
            made = await new_invitation(uses, expires, note, person(), at.home, desk.registry)
            link = link_of(await bot_name(await desk.own_bot(), at.telegram_api_url), made.code)
            if as_json:
                print_json({"code": made.code, "link": link, **made.invitation.model_dump(mode="json")})
            else:
                sys.stdout.write(as_text(made, link))
            if at.telegram_access != "invite":
                sys.stderr.write(NEEDS_SETTING.format(access=at.telegram_access))
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@invite.command("list")
def list_invitations(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """List the invitations: how they stand, and how often they were used. Codes cannot be shown again."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.inviting import documents
            from deployments.people_tables import invitations as table_of
            from deployments.tables import show

            rows = documents(await desk.registry.invitations())
            if as_json:
                print_json({"invitations": rows})
            elif rows:
                show(console(), table_of(rows))
            else:
                sys.stdout.write("there is no invitation: `slipway invite` makes one\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@invite.command("revoke")
def revoke(context: typer.Context, number: Annotated[int, NUMBER]) -> None:
    """Let nobody in by this invitation any more; who came in by it stays: `slipway people block` takes that back."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from datetime import UTC, datetime

            from domain.errors import BadInput

            revoked = await desk.registry.revoke_invitation(number, datetime.now(UTC))
            if revoked is None:
                raise BadInput(f"there is no invitation {number}: `slipway invite list` lists what there is")
            sys.stdout.write(f"nobody comes in by invitation {number} any more; {revoked.used} came in by it and stay\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))
