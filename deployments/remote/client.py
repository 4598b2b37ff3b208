"""Exchanges with the HTTP API of an installation elsewhere; what it refuses becomes our errors."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from deployments.remote.answers import read, unreachable
from deployments.remote.events import Event, events_in
from deployments.remote.unanswered import Unanswered
from domain.errors import TryAgain

PATIENCE = httpx.Timeout(30, read=900)
"""Seconds; a Brief takes a minute to be written, and longer where the model is busy."""
TRIES = 6
"""Of an exchange that broke off, where it may be repeated; the pauses between them come to a quarter of a minute."""
SILENCE = httpx.Timeout(30, read=60)
"""Seconds; a stream says something every fifteen."""
AT_WORK = 409

Pause = Callable[[float], Awaitable[None]]
Body = Mapping[str, Any] | bytes | None
"""JSON, or a file as it is."""


class Server:
    """The API, asked with one key."""

    def __init__(self, address: str, client: httpx.AsyncClient, pause: Pause = asyncio.sleep) -> None:
        self.address = address
        self._client = client
        self._pause = pause

    async def ask(self, method: str, path: str, *, body: Body = None, key: str = "", **query: Any) -> Any:
        """Return what it answers; raise BadInput, Refused, Later, KeyRefused or ServiceUnreachable.

        An exchange that broke off is repeated where that does nothing anew: one that reads or puts, and one with a key, under
        which the server does its work one time.
        """
        answer = await self._answer(method, path, body, key, query)
        while key and answer.status_code == AT_WORK and "retry-after" in answer.headers:  # our first try is still worked on
            await self._pause(float(answer.headers["retry-after"]))
            answer = await self._answer(method, path, body, key, query)
        return read(answer, self.address)

    async def once(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Post what would do something anew: asked again after it was cut off, by another command too, it is one request."""
        asked = Unanswered(self.address, path, json.dumps(body, sort_keys=True))
        with asked.sending():
            said = await self.ask("POST", path, body=body, key=asked.key)
        asked.answered()
        return said

    async def get(self, path: str, **query: Any) -> Any:
        return await self.ask("GET", path, **query)

    async def every(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Return all pages of a list."""
        page = await self.get(path, limit=100, **query)
        found: list[dict[str, Any]] = page["items"]
        while page["next"]:
            page = await self.get(path, limit=100, cursor=page["next"], **query)
            found += page["items"]
        return found

    async def file(self, path: str) -> bytes:
        """Return what is no JSON."""
        answer = await self._answer("GET", path, None, "", {})
        return answer.content if answer.is_success else bytes(read(answer, self.address))

    async def events(self, path: str) -> AsyncIterator[Event]:
        """Yield a stream's events to its end, each once: where it breaks off, it goes on behind the last one that came."""
        last, silent = "", 0

        async def heard(answer: httpx.Response) -> AsyncIterator[str]:
            nonlocal silent
            async for text in answer.aiter_text():
                silent = 0
                yield text

        while True:
            ended: Exception = EOFError("it ends the stream before anything comes")
            try:
                async with self._client.stream("GET", path, headers={"Last-Event-ID": last}, timeout=SILENCE) as answer:
                    if answer.status_code != httpx.codes.OK:
                        await answer.aread()
                        read(answer, self.address)
                        return  # nothing more comes
                    async for event in events_in(heard(answer)):
                        last = event.id
                        yield event
            except (httpx.TransportError, TryAgain) as error:
                ended = error
            silent += 1
            if silent == TRIES:
                raise ended if isinstance(ended, TryAgain) else unreachable(self.address, path, ended) from ended
            await self._pause(pause_before(silent))

    async def _answer(self, method: str, path: str, body: Body, key: str, query: Mapping[str, Any]) -> httpx.Response:
        given = {name: value for name, value in query.items() if value is not None}
        headers = {"Idempotency-Key": key} if key else None
        sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        tries = TRIES if key or method in ("GET", "PUT") else 1
        for number in range(1, tries + 1):
            try:
                return await self._client.request(method, path, params=given, headers=headers, **sent)
            except httpx.HTTPError as error:
                is_first_knock = isinstance(error, httpx.ConnectError) and number == 1
                if is_first_knock or number == tries:
                    raise unreachable(self.address, path, error) from error
                await self._pause(pause_before(number))
        raise AssertionError("the last try returns or raises")


def pause_before(number: int) -> float:
    """Return how many seconds to wait before trying again for this time; not all who were cut off come back in one moment."""
    return min(0.25 * float(2**number), 8.0) * random.uniform(0.5, 1.0)  # noqa: S311  (nobody guesses it)


@asynccontextmanager
async def connected(
    address: str, key: str, transport: httpx.AsyncBaseTransport | None = None, pause: Pause = asyncio.sleep
) -> AsyncIterator[Server]:
    """Open the connection; no redirect is followed, so the key goes nowhere else."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=PATIENCE, transport=transport) as client:
        yield Server(address, client, pause)
