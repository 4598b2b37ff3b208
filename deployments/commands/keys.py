"""`slipway keys`: the keys of the HTTP API. A key is shown once, when it is made."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.commands.projects import JSON
from deployments.terminal import console, finish, print_json

if TYPE_CHECKING:
    from domain.keys import ApiKey

OWNER = typer.Option("--owner", help="Whose projects it opens, like local:anna or telegram:1001; else yours.")
SCOPE = typer.Option("--scope", help="read, write or operator (everybody's projects); may be given again. Else read and write.")
EXPIRES = typer.Option("--expires", help="Days after which it opens nothing any more; else never.", min=0.001, max=36_500)

KEY = typer.Argument(help="How the key begins, its id, or its name.")

keys = typer.Typer(help="Keys of the HTTP API: each is shown once, when it is made.", no_args_is_help=True)


@keys.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for, like `ci`.")],
    owner: Annotated[str | None, OWNER] = None,
    scope: Annotated[list[str] | None, SCOPE] = None,
    expires: Annotated[float | None, EXPIRES] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make a key and print it, this once."""

    async def work() -> int:
        async with context.obj.session() as (desk, up):
            from datetime import UTC, datetime
            from pathlib import Path

            from deployments.api.pepper import pepper_of
            from deployments.data_folder import DataFolder
            from deployments.people import person
            from domain.keys import checked_scopes
            from tasks.keys import make_key

            pepper, may, now = pepper_of(DataFolder(Path(up.home))), checked_scopes(scope or ()), datetime.now(UTC)
            made = await make_key(name, owner or person(), may, expires, person(), pepper, desk.registry, now)
            if as_json:
                print_json({"key": made.shown, **document(made.row)})
            else:
                sys.stdout.write(f"{made.shown}\n")
                sys.stderr.write("keep it now: it is not shown again\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@keys.command("list")
def list_keys(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """List the keys: how each begins, whose it is, what it may, until when, and when it was used last."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.tables import local, show, state, table

            rows = [document(key) for key in await desk.registry.api_keys()]
            if as_json:
                print_json({"keys": rows})
            elif rows:
                made = table("key", "name", "state", "owner", "scopes", "last use", "expires")
                for row in rows:
                    times = (local(row[name]) for name in ("used", "expires"))
                    made.add_row(row["prefix"], row["name"], state(row["state"]), row["owner"], " ".join(row["scopes"]), *times)
                show(console(), made)
            else:
                sys.stdout.write("there is no API key: `slipway keys add NAME` makes one\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@keys.command("revoke")
def revoke(context: typer.Context, key: Annotated[str, KEY]) -> None:
    """Let a key, and those that were made by it, open nothing any more, from the next request on."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from datetime import UTC, datetime

            from deployments.people import person
            from tasks.keys import revoke_key

            for gone in await revoke_key(key, person(), desk.registry, datetime.now(UTC)):
                sys.stdout.write(f"{gone.prefix}… ({gone.name}) opens nothing any more\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))


def document(key: "ApiKey") -> dict[str, Any]:
    """Return everything about a key but what would open anything."""
    from datetime import UTC, datetime

    from domain.keys import state_of

    shown = key.model_dump(
        mode="json", include={"id", "name", "owner", "scopes", "created", "expires", "used", "revoked", "maker"}
    )
    return {**shown, "prefix": key.prefix, "state": state_of(key, datetime.now(UTC)).value}
