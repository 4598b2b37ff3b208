"""`slipway login`: the key by which this user's commands ask an installation elsewhere."""

import sys

import typer

from deployments.commands.secrets import read_secret
from deployments.terminal import finish


def login(context: typer.Context) -> None:
    """Keep a key for the server that --server or SLIPWAY_SERVER names; it is typed or comes from standard input."""

    async def work() -> int:
        from deployments.remote.client import connected
        from deployments.remote.logins import keep
        from domain.errors import BadInput

        address = context.obj.server
        if not address:
            raise BadInput("name the server: `slipway --server https://api.example.org login`")
        key = read_secret("key").strip()
        if not key.isascii() or not key.isprintable():
            raise BadInput("that is no key: `slipway keys add NAME` makes one on the server's machine")
        async with connected(address, key, context.obj.transport) as server:
            me = await server.get("/v1/me")
        file = keep(address, key)
        sys.stdout.write(f"{address} knows you as {me['owner']}, for {' and '.join(me['scopes'])}; the key is kept in {file}\n")
        return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))
