"""Calls of our own tools at the gateway: passed on to the door that the token names, in the process that leads the worker."""

from collections.abc import Mapping
from typing import NamedTuple

import httpx

from blocks.door_sockets import DoorSockets
from deployments.gateway.guests import Refused, stranger
from domain.gateway import Refusal
from domain.tool_doors import CALL_SECONDS

PASSED = ("accept", "content-type", "mcp-method", "mcp-name", "mcp-protocol-version")
RETURNED = ("content-type",)


class Passed(NamedTuple):
    """A door's answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class ToolCounter:
    """The way to the doors of one data folder."""

    def __init__(self, sockets: DoorSockets) -> None:
        self._sockets = sockets

    async def is_open(self, door: str) -> bool:
        return await self._sockets.is_open(door)

    async def answer(self, door: str, headers: Mapping[str, str], body: bytes) -> Passed:
        """Return what the door answers; raise Refused when it has been shut, or does not answer."""
        given = {name: value for name, value in headers.items() if name in PASSED}
        try:
            with self._sockets.address(door) as address:
                way = httpx.AsyncHTTPTransport(uds=address, verify=False)  # no TLS here, and certificates take long to load
                async with httpx.AsyncClient(transport=way, timeout=CALL_SECONDS, trust_env=False) as client:
                    answer = await client.post("http://127.0.0.1/", content=body, headers=given)
        except (httpx.ConnectError, FileNotFoundError) as error:
            raise stranger("what its token was for has ended") from error
        except httpx.HTTPError as error:
            why = f"the tools did not answer: {type(error).__name__}"
            raise Refused(Refusal(status=502, type="api_error", message=why, again=1)) from error
        kept = [(name, value) for name, value in answer.headers.items() if name in RETURNED]
        return Passed(answer.status_code, kept, answer.content)
