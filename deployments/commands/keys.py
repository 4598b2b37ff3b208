"""`slipway keys`: the keys of the HTTP API. A key is shown once, when it is made."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.projects import JSON
from deployments.commands.where import asks
from deployments.terminal import console, print_json

if TYPE_CHECKING:
    from deployments.asked_place import Place

OWNER = typer.Option("--owner", help="Whose projects it opens, like local:anna or telegram:1001; else yours.")
SCOPE = typer.Option("--scope", help="read, write or operator (everybody's projects); may be given again. Else read and write.")
EXPIRES = typer.Option("--expires", help="Days after which it opens nothing any more; else never.", min=0.001, max=36_500)

KEY = typer.Argument(help="How the key begins, its id, or its name.")

keys = typer.Typer(help="Keys of the HTTP API. Each is shown once, when it is made.", no_args_is_help=True)


@keys.command("add")
@asks
async def add(
    place: "Place",
    name: Annotated[str, typer.Argument(help="What it is for, like `ci`.")],
    owner: Annotated[str | None, OWNER] = None,
    scope: Annotated[list[str] | None, SCOPE] = None,
    expires: Annotated[float | None, EXPIRES] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make a key and print it, this once."""
    made = await place.add_key(name, owner, scope or (), expires)
    if as_json:
        print_json(made)
    else:
        sys.stdout.write(f"{made['key']}\n")
        sys.stderr.write("keep it now: it is not shown again\n")


@keys.command("list")
@asks
async def list_keys(place: "Place", as_json: Annotated[bool, JSON] = False) -> None:
    """List the keys. It shows how each begins, whose it is, what it may, until when, and when it was used last."""
    from deployments.people_tables import keys as table_of
    from deployments.tables import show

    rows = await place.keys()
    if as_json:
        print_json({"keys": rows})
    elif rows:
        show(console(), table_of(rows))
    else:
        sys.stdout.write("there is no API key: `slipway keys add NAME` makes one\n")


@keys.command("revoke")
@asks
async def revoke(place: "Place", key: Annotated[str, KEY]) -> None:
    """Let a key, and those that were made by it, open nothing any more, from the next request on."""
    first = await place.revoke_key(key)
    for gone in (first, *first["made"]):
        sys.stdout.write(f"{gone['prefix']}… ({gone['name']}) opens nothing any more\n")
