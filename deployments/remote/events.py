"""Server-sent events as they come (https://html.spec.whatwg.org/multipage/server-sent-events.html); only what our API sends."""

from collections.abc import AsyncIterator

from domain.values import Value


class Event(Value):
    """One event."""

    id: str = ""
    name: str = "message"
    data: str = ""


async def events_in(texts: AsyncIterator[str]) -> AsyncIterator[Event]:
    """Yield each whole event; one that was cut off is none."""
    told: dict[str, str] = {}
    async for line in _lines(texts):
        field, _, value = line.partition(":")
        if field:
            told[field] = value.removeprefix(" ")
        elif not line and "data" in told:
            yield Event(id=told.get("id", ""), name=told.get("event", "message"), data=told["data"])
            told = {}


async def _lines(texts: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield the lines that a line feed ends. Those of httpx end at U+2028 too, which JSON has inside of texts."""
    rest = ""
    async for text in texts:
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            yield line
