"""Downloads of what people sent, bounded in bytes. Their addresses hold the bot's token, so no error of httpx leaves here."""

import asyncio
from pathlib import Path

import httpx

from blocks.plain_http import is_near
from blocks.trust import trust_for
from domain.attachments import AttachmentRefused
from domain.errors import ServiceUnreachable

ATTEMPTED = "downloading a file"


async def downloaded(place: str, name: str, limit: int) -> bytes:
    """Return the bytes at a `file_path` as the vendor's library gives it: an address, or a path with a local Bot API server.

    Raises AttachmentRefused (`too_big`) after `limit` bytes, ServiceUnreachable when they do not come.
    """
    if not place.startswith(("http://", "https://")):
        return await asyncio.to_thread(_read, Path(place), name, limit)
    found = bytearray()
    try:
        async with (
            httpx.AsyncClient(trust_env=not is_near(place), verify=trust_for(place)) as client,
            client.stream("GET", place) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise ServiceUnreachable("Telegram", ATTEMPTED, f"status {answer.status_code}")
            async for chunk in answer.aiter_bytes():
                found += chunk
                if len(found) > limit:
                    raise AttachmentRefused(name, "too_big", f"at most {limit / 1_000_000:g} MB")
    except httpx.HTTPError as error:
        raise ServiceUnreachable("Telegram", ATTEMPTED, type(error).__name__) from None
    return bytes(found)


def _read(path: Path, name: str, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise ServiceUnreachable("Telegram", ATTEMPTED, type(error).__name__) from None
    if len(content) > limit:
        raise AttachmentRefused(name, "too_big", f"at most {limit / 1_000_000:g} MB")
    return content
