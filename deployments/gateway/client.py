"""The worker's end of an exchange: ASGI's receive and send as reading, writing and having gone."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

from deployments.gateway.guests import Refused
from domain.gateway import Refusal
from domain.gateway_requests import BODY_LIMIT

BODY_SECONDS = 60.0
WRITE_SECONDS = 60.0
"""How long the worker may leave unread what was sent."""

T = TypeVar("T")


class Gone(Exception):
    """The worker has closed the connection, or does not read what it asked for."""


class GatewayClient:
    """One request of a worker and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("ascii", "replace")
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self.address = str(scope["client"][0])
        self.run: str | None = None
        """Whose call it is, once that is proven."""
        self.up = 0
        """Bytes of the request's body that came."""
        self.down = 0
        """Bytes of the answer's body that were sent."""
        self._receive = receive
        self._send = send

    async def body(self, limit: int = BODY_LIMIT) -> bytes:
        """Return all of the request; raise Refused when it is too long or too slow, Gone when it ends in the middle."""
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    self.up = size
                    if size > limit:
                        raise Refused(
                            Refusal(status=413, type="request_too_large", message=f"the body has more than {limit:,} bytes")
                        )
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError as error:
            raise Refused(Refusal(status=408, type="timeout_error", message="the request did not come", again=1)) from error

    async def while_there(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work, cancelled as soon as the worker has gone; then raise Gone. The body has been read before."""
        doing, leaving = asyncio.create_task(work), asyncio.create_task(self._left())
        try:
            await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            raise Gone
        finally:
            doing.cancel()
            leaving.cancel()
            await asyncio.gather(doing, leaving, return_exceptions=True)

    async def begin(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        async with _in_time():
            await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, chunk: bytes) -> None:
        async with _in_time():
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        self.down += len(chunk)

    async def finish(self, last: bytes = b"") -> None:
        """End the answer in order. One that was begun and is not finished looks cut off, as it is."""
        async with _in_time():
            await self._send({"type": "http.response.body", "body": last, "more_body": False})
        self.down += len(last)

    async def answer(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        await self.begin(status, [*headers, ("content-length", str(len(body)))])
        await self.finish(body)

    async def refuse(self, refusal: Refusal) -> None:
        await self.answer(refusal.status, list(refusal.headers.items()), refusal.body)

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WRITE_SECONDS):
            yield
    except TimeoutError as error:
        raise Gone from error
