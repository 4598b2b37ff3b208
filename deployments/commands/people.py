"""`slipway people`: who may use the bot, and how much."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.projects import JSON
from deployments.commands.where import asks
from deployments.terminal import console, print_json

if TYPE_CHECKING:
    from deployments.asked_place import Place

PERSON = typer.Argument(help="Numeric Telegram id, like 1001 or telegram:1001.")
RUNS = typer.Option("--runs", min=0, help="Runs that have not ended; 0: any number.")
MINUTE = typer.Option("--per-minute", min=0, help="Messages and buttons within a minute; 0: any number.")
DAY = typer.Option("--usd-day", min=0, help="US dollars for models a day; 0: any sum.")
MONTH = typer.Option("--usd-month", min=0, help="US dollars for models a month; 0: any sum.")
USUAL = typer.Option("--usual", help="What is not given is as for everybody again.")

people = typer.Typer(help="People who use the bot: their access and their limits.", no_args_is_help=True)


@people.command("list")
@asks
async def list_people(place: "Place", as_json: Annotated[bool, JSON] = False) -> None:
    """List the people whom something was decided of, or who have a project."""
    from deployments.people_tables import people as table_of
    from deployments.tables import show

    rows = await place.people()
    if as_json:
        print_json({"people": rows})
    elif rows:
        show(console(), table_of(rows))
    else:
        sys.stdout.write("nobody came in by the bot yet: `slipway invite` makes a code\n")


@people.command("block")
@asks
async def block(place: "Place", person: Annotated[str, PERSON]) -> None:
    """Take a person's access back. What they have goes on: what becomes of it is yours to decide."""
    sys.stdout.write(await place.block(person))


@people.command("allow")
@asks
async def allow(place: "Place", person: Annotated[str, PERSON]) -> None:
    """Let a person in, whatever the setting is; also one who was blocked."""
    sys.stdout.write(await place.allow(person))


@people.command("limit")
@asks
async def limit(
    place: "Place",
    person: Annotated[str, PERSON],
    runs: Annotated[int | None, RUNS] = None,
    per_minute: Annotated[int | None, MINUTE] = None,
    usd_day: Annotated[float | None, DAY] = None,
    usd_month: Annotated[float | None, MONTH] = None,
    usual: Annotated[bool, USUAL] = False,
) -> None:
    """Set limits for one person; those that are not given stay as they are."""
    given = {"runs": runs, "per_minute": per_minute, "usd_day": usd_day, "usd_month": usd_month}
    sys.stdout.write(await place.limit(person, given, usual=usual))
