"""One question to a copy's health path: whatever comes back is a probe, in bounded time and memory, and never an error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from blocks.plain_http import plain_client
from domain.health import HealthCheck, Probe, Unhealthy, decide
from domain.workers import AppState, AppStatus
from tasks.health import BODY_LIMIT, probe_once

ENDLESS = b"x" * 65_536
CHECK = HealthCheck()


@asynccontextmanager
async def app(says: bytes, then: bytes = b"") -> AsyncIterator[AppStatus]:
    """Answer each request by `says`, then by `then` for ever, or hang up when there is none."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(says)
            while then:
                writer.write(then)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield AppStatus(identity="notes-v1", state=AppState.RUNNING, address=f"127.0.0.1:{port}")


async def asked(says: bytes, then: bytes = b"", seconds: float = 5.0) -> Probe:
    async with app(says, then) as status, plain_client() as client:
        found = await probe_once(client, status, CHECK, seconds)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("says", "wanted"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nwell", Probe(status=200, body="well")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nwe\r\n2\r\nll\r\n0\r\n\r\n",
            Probe(status=200, body="well"),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff", Probe(status=200, body="\ufffd")),
    ],
)
async def test_a_good_answer_of_any_make_is_good(says: bytes, wanted: Probe) -> None:
    assert await asked(says) == wanted


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", "answered 204 instead of 200"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n", "answered 302 instead of 200"),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "answered 401 instead of 200"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "was not answered (illegal status line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwell", "was not answered (peer closed connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nwell", "was not answered (Error -3"),
        (b"", "was not answered (Server disconnected"),
    ],
)
async def test_whatever_else_it_says_it_is_not_healthy_and_the_reason_tells(says: bytes, reason: str) -> None:
    status = AppStatus(identity="notes-v1", state=AppState.RUNNING)
    said = decide(status, await asked(says), CHECK, elapsed=60, seconds=60)
    assert isinstance(said, Unhealthy)
    assert f"GET /health {reason}" in said.reason


async def test_a_body_without_end_is_read_as_far_as_it_is_looked_at() -> None:
    found = await asked(b"HTTP/1.1 200 OK\r\n\r\n", ENDLESS)
    assert (found.status, len(found.body)) == (200, BODY_LIMIT)


async def test_headers_without_end_are_no_answer() -> None:
    found = await asked(b"HTTP/1.1 200 OK\r\n", b"X-More: " + ENDLESS + b"\r\n")
    assert (found.status, bool(found.error)) == (None, True)
