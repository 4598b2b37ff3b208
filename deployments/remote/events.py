"""Server-sent events as they come (https://html.spec.whatwg.org/multipage/server-sent-events.html); only what our API sends."""

from collections.abc import AsyncIterator

from domain.values import Value


class Event(Value):
    """One event."""

    id: str = ""
    name: str = "message"
    data: str = ""


async def events_in(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """Yield each whole event; one that was cut off is none."""
    told: dict[str, str] = {}
    async for line in lines:
        field, _, value = line.partition(":")
        if field:
            told[field] = value.removeprefix(" ")
        elif not line and "data" in told:
            yield Event(id=told.get("id", ""), name=told.get("event", "message"), data=told["data"])
            told = {}
