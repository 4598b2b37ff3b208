"""`slipway login` and `slipway logout`: the keys by which this user's commands ask installations elsewhere."""

import sys
from typing import TYPE_CHECKING

from deployments.commands.secrets import read_secret
from deployments.commands.where import asks_nobody
from domain.errors import BadInput

if TYPE_CHECKING:
    from deployments.commands.sessions import Shared


@asks_nobody
async def login(shared: "Shared") -> None:
    """Keep a key for the server at --server. It is typed or comes from standard input."""
    from deployments.remote.client import connected
    from deployments.remote.logins import keep

    if not shared.server:
        raise BadInput("name the server: `slipway --server https://api.example.org login`")
    key = read_secret("key").strip()
    if not key.isascii() or not key.isprintable():
        raise BadInput("that is no key: `slipway keys add NAME` makes one on the server's machine")
    async with connected(shared.server, key, shared.transport) as server:
        me = await server.get("/v1/me")
    file = keep(shared.server, key)
    may = " and ".join(me["scopes"])
    sys.stdout.write(f"{shared.server} knows you as {me['owner']}, for {may}; the key is kept in {file}\n")


@asks_nobody
async def logout(shared: "Shared") -> None:
    """Forget the key for the server at --server. There it still opens: `slipway keys revoke` ends that."""
    from deployments.remote.logins import forget, servers

    kept = servers()
    server = shared.server or (kept[0] if len(kept) == 1 else "")
    if not server:
        there = f"there are keys for {', '.join(kept)}" if kept else "no key is kept"
        raise BadInput(f"name the server, as in `slipway --server https://api.example.org logout`: {there}")
    forget(server)
    sys.stdout.write(f"the key for {server} is forgotten here; `slipway keys revoke` lets it open nothing there\n")
