"""What comes over the wire that no client of ours sends: each is answered, and none waits for ever."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployments.api.application import application
from deployments.api.gate import Gate
from tests.deployments.api_bench import Api, api_in
from tests.deployments.test_api_service import served

UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\n"


@dataclass
class Wire:
    """A served API, and bytes for it."""

    api: Api
    port: int

    async def say(self, first: str, more: str = "", body: str = "") -> tuple[int, bytes]:
        """Send this with Ann's key; return the status, and what comes behind the head until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        key = await self.api.key()
        head = f"{first} HTTP/1.1\r\nHost: api\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n{more}\r\n{body}"
        writer.write(head.encode())
        async with asyncio.timeout(60):
            said = await reader.read()
        writer.close()
        head_of, _, rest = said.partition(b"\r\n\r\n")
        return int(head_of.split(b" ")[1]), rest

    async def body(self, text: str, path: str = "/v1/keys") -> int:
        """Post it as JSON, and return the status."""
        more = f"Content-Type: application/json\r\nContent-Length: {len(text.encode())}\r\n"
        return (await self.say(f"POST {path}", more, text))[0]


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    async with api_in(tmp_path) as api, served(api) as client:
        await api.project("notes")
        yield Wire(api, client.base_url.port or 0)


async def test_head_says_what_get_says_without_its_body(wire: Wire) -> None:
    for path, status in (("/health", 200), ("/v1/projects/notes", 200), ("/v1/projects/none", 404), ("/login", 200)):
        assert await wire.say(f"HEAD {path}") == (status, b"")
        assert (await wire.say(f"GET {path}"))[0] == status


async def test_who_asks_for_a_websocket_in_a_wrong_way_is_answered(wire: Wire) -> None:
    whole = f"{UPGRADE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    for first, more, status in (
        ("POST /v1/keys", f"{UPGRADE}Content-Length: 2\r\n", 400),
        ("GET /v1/me", f"{UPGRADE}X-Long: {'a' * 20_000}\r\n", 400),
        ("GET /v1/me", UPGRADE, 400),
        ("GET /v1/me", whole, 403),
        ("GET /v1/doors/prefect/api/events/out", whole, 403),
    ):
        assert (await wire.say(first, more))[0] == status, first
    assert (await wire.say("GET /v1/me"))[0] == 200


async def test_numbers_are_numbers(wire: Wire) -> None:
    for days in ("true", '"1"', "NaN", "Infinity", "1e999", "-1", "9" * 400, "[]"):
        assert await wire.body(f'{{"name": "k", "days": {days}}}') == 422, days
    assert [await wire.body(f'{{"name": "k", "days": {days}}}') for days in ("1", "0.5", "1e1", "null")] == [201] * 4
    assert await wire.body(f'{{"name": "k", "days": {"9" * 5000}}}') == 400


async def test_only_a_star_alone_stands_for_whatever_is_there(wire: Wire) -> None:
    tag = (await wire.api.get("/v1/projects/notes")).headers["ETag"]
    for named, status in (
        (tag, 304), (f"W/{tag}", 304), (f'"a", W/{tag}', 304), ("*", 304), ('"a", *', 200), ("W/*", 200), (tag[:-1], 200),
    ):  # fmt: skip
        assert (await wire.api.get("/v1/projects/notes", headers={"If-None-Match": named})).status_code == status, named


async def test_body_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    async with api_in(tmp_path) as api:
        gate, said, first = application(api.house, lambda: api.now), list[dict[str, object]](), True
        assert isinstance(gate, Gate)
        gate.sending = 0.01

        async def receive() -> dict[str, object]:
            nonlocal first
            if not first:
                await asyncio.Event().wait()
            first = False
            return {"type": "http.request", "body": b"{", "more_body": True}

        async def send(message: dict[str, object]) -> None:
            said.append(message)

        shown = f"Bearer {await api.key()}".encode()
        scope = {
            "type": "http", "method": "POST", "path": "/v1/keys", "raw_path": b"/v1/keys", "query_string": b"",
            "headers": [(b"authorization", shown), (b"content-type", b"application/json")], "client": ("127.0.0.1", 1),
        }  # fmt: skip
        async with asyncio.timeout(60):
            await gate(scope, receive, send)  # type: ignore[arg-type]
    assert said[0]["status"] == 408
    assert "did not come" in json.loads(bytes(said[1]["body"]))["detail"]  # type: ignore[call-overload]
