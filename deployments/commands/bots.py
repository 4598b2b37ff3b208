"""`slipway bots`: the pool of Telegram bots that projects lease."""

import sys
from typing import Annotated

import typer

from deployments.commands.projects import JSON
from deployments.commands.secrets import read_secret
from deployments.terminal import console, finish, print_json

BOT = typer.Argument(help="Username, like @shop_bot.")

bots = typer.Typer(help="Telegram bots that projects lease; their tokens are never shown.", no_args_is_help=True)


@bots.command("add")
def add(context: typer.Context) -> None:
    """Take a bot into the pool; its token comes from a prompt or from standard input, never from an argument."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from datetime import UTC, datetime

            from deployments.people import person
            from tasks.bot_upkeep import add_bot

            token, at = read_secret("bot token").strip(), desk.blocks
            own, now = await desk.own_bot(), datetime.now(UTC)
            added = await add_bot(token, person(), own, desk.registry, desk.vault, at.accounts, now)
            sys.stdout.write(f"@{added.username} is in the pool and {added.state.value}\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))


@bots.command("list")
def list_bots(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """List the bots of the pool: who has them, and since when."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.tables import bots as table_of
            from deployments.tables import show

            rows = [bot.model_dump(mode="json", exclude={"fence", "profile"}) for bot in await desk.registry.bots()]
            if as_json:
                print_json({"bots": rows})
            elif rows:
                show(console(), table_of(rows))
            else:
                sys.stdout.write("the pool has no bot: `slipway bots add` takes the token of one\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@bots.command("retire")
def retire(context: typer.Context, bot: Annotated[str, BOT]) -> None:
    """Take a bot that no project has out of the pool, and forget its token."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from datetime import UTC, datetime

            from deployments.people import person
            from domain.bots import named
            from tasks.bot_upkeep import retire_bot

            found = named(await desk.registry.bots(), bot)
            await retire_bot(found, person(), desk.registry, desk.vault, datetime.now(UTC))
            sys.stdout.write(f"@{found.username} is retired, and its token forgotten\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))
