"""`slipway bots`: the pool of Telegram bots that projects lease."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.projects import JSON
from deployments.commands.secrets import read_secret
from deployments.commands.where import asks
from deployments.terminal import console, print_json

if TYPE_CHECKING:
    from deployments.asked_place import Place

BOT = typer.Argument(help="Username, like @shop_bot.")

bots = typer.Typer(help="Telegram bots that projects lease. Their tokens are never shown.", no_args_is_help=True)


@bots.command("add")
@asks
async def add(place: "Place") -> None:
    """Take a bot into the pool. Its token comes from a prompt or from standard input, never from an argument."""
    added = await place.add_bot(read_secret("bot token").strip())
    sys.stdout.write(f"@{added['username']} is in the pool and {added['state']}\n")


@bots.command("list")
@asks
async def list_bots(place: "Place", as_json: Annotated[bool, JSON] = False) -> None:
    """List the bots of the pool: who has them, and since when."""
    from deployments import tables

    rows = await place.bots()
    if as_json:
        print_json({"bots": rows})
    elif rows:
        tables.show(console(), tables.bots(rows))
    else:
        sys.stdout.write("the pool has no bot: `slipway bots add` takes the token of one\n")


@bots.command("retire")
@asks
async def retire(place: "Place", bot: Annotated[str, BOT]) -> None:
    """Take a bot that no project has out of the pool, and forget its token."""
    sys.stdout.write(f"@{await place.retire_bot(bot)} is retired, and its token forgotten\n")
