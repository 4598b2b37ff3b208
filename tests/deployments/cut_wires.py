"""A wire to a server that is cut at a chosen place, once each: the request arrives, its answer does not, or not whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx


@dataclass
class Cut:
    """Where it is cut: once a request with `begins` was brought, before its answer, or behind these bytes of that."""

    begins: bytes
    after: bytes = b""
    was_made: bool = False


@asynccontextmanager
async def cut_off_at(url: str, *cuts: Cut) -> AsyncIterator[str]:
    """Stand before the server, and yield the address there."""
    target = httpx.URL(url)

    async def carry(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(target.host, target.port)
        due: list[Cut] = []

        async def requests() -> None:
            while said := await client.read(65536):
                due.extend(cut for cut in cuts if said.startswith(cut.begins) and not cut.was_made)
                to_server.write(said)
            to_server.write_eof()

        async def answers() -> None:
            while said := await server.read(65536):
                if due and not due[0].after:
                    due[0].was_made = True
                    return
                to_client.write(said)
                await to_client.drain()
                if due and due[0].after in said:
                    due[0].was_made = True
                    return

        bringing = asyncio.create_task(requests())
        with suppress(OSError):
            await answers()
        bringing.cancel()
        for each in (to_client, to_server):
            each.close()

    listener = await asyncio.start_server(carry, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
