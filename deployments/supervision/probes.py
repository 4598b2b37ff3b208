"""Short questions to a service: is it there?"""

import asyncio
from pathlib import Path

import httpx

from blocks.plain_http import plain_client


async def answers(url: str) -> bool:
    async with plain_client(timeout=2) as client:
        try:
            return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False


async def accepts(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 2)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def exchange(socket: Path, words: bytes) -> bytes:
    """Say `words` to a unix socket and return the first bytes of the answer; empty when nobody listens."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return b""
    try:
        writer.write(words)
        return await asyncio.wait_for(reader.read(64), 2)
    except (OSError, TimeoutError):
        return b""
    finally:
        writer.close()
