"""One exchange with the HTTP API of an installation elsewhere; what it refuses becomes our errors."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from deployments.remote.logins import NotLoggedIn
from domain.errors import BadInput, Broken, NeedsPerson, ServiceUnreachable, TryAgain

PATIENCE = httpx.Timeout(30, read=900)
"""Seconds; a Brief takes a minute to be written, and longer where the model is busy."""
UNTIL_LATER = (429, 502, 503, 504)
NOT_ALLOWED = (402, 403)


class Refused(NeedsPerson):
    """The server lets this key not do it, or its owner has to act first: (what it says,)."""


class Later(TryAgain):
    """The server cannot do it for now: (what it says,)."""


class Server:
    """The API, asked with one key."""

    def __init__(self, address: str, client: httpx.AsyncClient) -> None:
        self.address = address
        self._client = client

    async def ask(self, method: str, path: str, *, body: Mapping[str, Any] | None = None, once: str = "", **query: Any) -> Any:
        """Return what it answers; raise BadInput, Refused, Later, NotLoggedIn or ServiceUnreachable."""
        given = {name: value for name, value in query.items() if value is not None}
        headers = {"Idempotency-Key": once} if once else None
        try:
            answer = await self._client.request(method, path, params=given, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise ServiceUnreachable(self.address, f"asking for {path}", str(error) or type(error).__name__) from error
        return self._read(answer)

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

    def _read(self, answer: httpx.Response) -> Any:
        status = answer.status_code
        if answer.is_success:
            return _document(answer)
        if status == 401:
            raise NotLoggedIn(self.address)
        said = _sentence(answer)
        if status in UNTIL_LATER:
            raise Later(said)
        if status in NOT_ALLOWED:
            raise Refused(said)
        if answer.is_client_error:
            raise BadInput(said)
        raise Broken(f"{self.address} answered {status}: {said}")


def _document(answer: httpx.Response) -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        raise BadInput(_strange(answer)) from None


def _sentence(answer: httpx.Response) -> str:
    try:
        told = answer.json()
        wrong = "; ".join(f"{each['where']}: {each['what']}" for each in told.get("errors", ()))
        return f"{told['detail']}: {wrong}" if wrong else str(told["detail"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return _strange(answer)


def _strange(answer: httpx.Response) -> str:
    return f"{answer.url.host} answered {answer.status_code}, and that is not how a Slipway answers"


@asynccontextmanager
async def connected(address: str, key: str, transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[Server]:
    """Open the connection; no redirect is followed, so the key goes nowhere else."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=PATIENCE, transport=transport) as client:
        yield Server(address, client)
