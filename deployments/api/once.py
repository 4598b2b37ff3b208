"""Creating calls that come twice: the same Idempotency-Key gets the same answer, another request under it is refused.

The call is written down before anything is done. What it then does has an identity of its own, made of caller, key and the
moment of the first call (a run's id, Prefect's idempotency key), so that a call whose process was killed is done to its end by
the next one. By the moment, a key that is taken again after it was forgotten begins something new, and nobody can make up a key
whose run has the id of another one.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, cast

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from deployments.api.access import House, house_of
from deployments.api.problems import Refusal
from domain.keys import ApiKey
from domain.requested import Asked
from domain.values import Value

KEY = Header(
    alias="Idempotency-Key",
    pattern=r"^[\x21-\x7e]{1,200}$",
    description="Yours to make up, like a UUID: the same call within a week gets the same answer and does nothing anew.",
)


class Done(Value):
    """What came of a call."""

    status: int
    shown: BaseModel
    place: str = ""
    """Where it can be looked at."""


Work = Callable[[str | None], Awaitable[Done]]


class Once:
    """One creating call: its caller, the key that it came with, and what it says: its body, unless that was read already."""

    def __init__(self, house: House, request: Request, key: str | None, said: bytes | None = None) -> None:
        self._house = house
        self._request = request
        self._key = key
        self._said = said

    async def answer(self, work: Work) -> Response:
        """Do the work with an identity of its own, once for one key; without a key each call is done anew."""
        if self._key is None:
            return _answer(await work(None))
        caller = cast(ApiKey, self._request.state.caller).id
        mark = (caller, self._key)
        if mark in self._house.busy:
            raise Refusal(409, "the same call is being worked on: ask again in a moment", {"Retry-After": "2"})
        self._house.busy.add(mark)
        try:
            return await self._once(caller, self._key, work)
        finally:
            self._house.busy.discard(mark)

    async def _once(self, caller: str, key: str, work: Work) -> Response:
        registry, now = self._house.registry, datetime.now(UTC)
        asked = Asked(caller=caller, key=key, digest=await self._digest(), at=now)
        stored = await registry.ask_once(asked)
        if not hmac.compare_digest(stored.digest, asked.digest):
            raise Refusal(422, "this Idempotency-Key was another request's: take a new one")
        if stored.status is not None and stored.answer is not None:
            return JSONResponse(stored.answer, stored.status, {"Idempotency-Replayed": "true"})
        done = await work(f"api:{caller}:{key}:{stored.at.isoformat()}")
        await registry.answer_once(asked, done.status, done.shown.model_dump(mode="json"))
        return _answer(done)

    async def _digest(self) -> str:
        """Return what tells this request from others, and nobody what was in it."""
        head = f"{self._request.method} {self._request.url.path}\n".encode()
        said = await self._request.body() if self._said is None else self._said
        return hmac.new(self._house.pepper, head + said, hashlib.sha256).hexdigest()


def _answer(done: Done) -> Response:
    headers = {"Location": done.place} if done.place else None
    return JSONResponse(done.shown.model_dump(mode="json"), done.status, headers)


async def once_of(request: Request, key: Annotated[str | None, KEY] = None) -> Once:
    return Once(house_of(request), request, key)


OneCall = Annotated[Once, Depends(once_of)]
