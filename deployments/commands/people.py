"""`slipway people`: who may use the bot, and how much."""

import sys
from typing import Annotated

import typer

from deployments.commands.projects import JSON
from deployments.terminal import console, finish, print_json

PERSON = typer.Argument(help="Numeric Telegram id, like 1001 or telegram:1001.")
RUNS = typer.Option("--runs", min=0, help="Runs that have not ended; 0: any number.")
MINUTE = typer.Option("--per-minute", min=0, help="Messages and buttons within a minute; 0: any number.")
DAY = typer.Option("--usd-day", min=0, help="US dollars for models a day; 0: any sum.")
MONTH = typer.Option("--usd-month", min=0, help="US dollars for models a month; 0: any sum.")
USUAL = typer.Option("--usual", help="What is not given is as for everybody again.")

people = typer.Typer(help="People who use the bot: their access and their limits.", no_args_is_help=True)


@people.command("list")
def list_people(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """List the people whom something was decided of, or who have a project."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.membership import documents
            from deployments.people_tables import people as table_of
            from deployments.tables import show

            rows = await documents(desk.registry)
            if as_json:
                print_json({"people": rows})
            elif rows:
                show(console(), table_of(rows))
            else:
                sys.stdout.write("nobody came in by the bot yet: `slipway invite` makes a code\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@people.command("block")
def block(context: typer.Context, person: Annotated[str, PERSON]) -> None:
    """Take a person's access back. What they have goes on: what becomes of it is yours to decide."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.membership import blocked
            from deployments.people import person as who

            sys.stdout.write(await blocked(person, who(), desk.registry))
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))


@people.command("allow")
def allow(context: typer.Context, person: Annotated[str, PERSON]) -> None:
    """Let a person in, whatever the setting is; also one who was blocked."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.membership import allowed
            from deployments.people import person as who

            sys.stdout.write(await allowed(person, who(), desk.registry))
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))


@people.command("limit")
def limit(
    context: typer.Context,
    person: Annotated[str, PERSON],
    runs: Annotated[int | None, RUNS] = None,
    per_minute: Annotated[int | None, MINUTE] = None,
    usd_day: Annotated[float | None, DAY] = None,
    usd_month: Annotated[float | None, MONTH] = None,
    usual: Annotated[bool, USUAL] = False,
) -> None:
    """Set limits for one person; those that are not given stay as they are."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.membership import limited, limits_text

            given = {"runs": runs, "per_minute": per_minute, "usd_day": usd_day, "usd_month": usd_month}
            member = await limited(person, given, desk.registry, usual=usual)
            sys.stdout.write(f"{member.name}: {limits_text(member)}\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))
