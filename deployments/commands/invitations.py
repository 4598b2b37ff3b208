"""`slipway invite`: codes that let people in to the bot."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.projects import JSON
from deployments.commands.where import asks
from deployments.terminal import console, print_json

if TYPE_CHECKING:
    from deployments.asked_place import Place

USES = typer.Option("--uses", min=1, max=10_000, help="How many people may come in by it.")
EXPIRES = typer.Option("--expires", min=0.01, max=3650, help="Days for which it counts; without, until it is used or revoked.")
NOTE = typer.Option("--note", help="For whom it is; shown by `slipway invite list` only.")
NUMBER = typer.Argument(help="Number, as `slipway invite list` shows it.")

invite = typer.Typer(help="Make a code by which somebody may use the bot. It is shown once.", invoke_without_command=True)


@invite.callback()
@asks
async def make(
    place: "Place",
    uses: Annotated[int, USES] = 1,
    expires: Annotated[float | None, EXPIRES] = None,
    note: Annotated[str, NOTE] = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make a code by which somebody may use the bot. It is shown once, and only its digest is kept."""
    from deployments.desk.inviting import as_text

    made = await place.invite(uses, expires, note)
    print_json(made) if as_json else sys.stdout.write(as_text(made))
    if made["warning"]:
        sys.stderr.write(f"{made['warning']}\n")


@invite.command("list")
@asks
async def list_invitations(place: "Place", as_json: Annotated[bool, JSON] = False) -> None:
    """List the invitations and how they stand. Codes cannot be shown again."""
    from deployments.people_tables import invitations as table_of
    from deployments.tables import show

    rows = await place.invitations()
    if as_json:
        print_json({"invitations": rows})
    elif rows:
        show(console(), table_of(rows))
    else:
        sys.stdout.write("there is no invitation: `slipway invite` makes one\n")


@invite.command("revoke")
@asks
async def revoke(place: "Place", number: Annotated[int, NUMBER]) -> None:
    """Let nobody in by this invitation any more. Who came in by it stays: `slipway people block` takes that back."""
    revoked = await place.revoke_invitation(number)
    sys.stdout.write(f"nobody comes in by invitation {number} any more; {revoked['used']} came in by it and stay\n")
