"""A gateway on loopback with a real registry, and an upstream whose every byte the test decides."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import anthropic
import httpx

from blocks.door_sockets import DoorSockets
from blocks.egress_receipts import CredentialReceipts, EgressReceipts
from blocks.git.credentials import StoredTokens
from blocks.plain_http import plain_client
from blocks.registry.block import SqlRegistry
from deployments.egress.addresses import Addresses, Occupants
from deployments.gateway.credentials import QUESTIONS, CredentialDesk
from deployments.gateway.guests import Allowance, Guests
from deployments.gateway.models import Models
from deployments.gateway.proxy import ModelProxy
from deployments.gateway.receipts import GatewayReceipts
from deployments.gateway.server import bound, server_of
from deployments.gateway.tools import ToolCounter
from deployments.gateway.upstream import Upstream
from domain.gateway import Access, Use, token_of
from domain.git_credentials import site_of
from tests.fakes.vault import MemoryVault
from tests.registry_database import lay_registry
from tests.tasks.conftest import NOW, brief, request

KEY, REAL_KEY, RUN, ROLE, MODEL = "gateway key", "test-key", "r-000001", "developer", "claude-sonnet-5-5"
LOOPBACK = IPv4Network("127.0.0.0/8")
Event = tuple[str, dict[str, Any]]


def token(run: str = RUN, key: str = KEY, seconds: int = 60, role: str = ROLE, use: Use = "models") -> str:
    expires = int(time.time()) + seconds
    access = Access(run=run, project="notes", role=role, conversation=f"{run}/{role}", expires=expires, use=use)
    return token_of(access, key)


def body(**changes: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 1000, "messages": [{"role": "user", "content": "hello"}], "stream": True} | changes


def events(*texts: str, output: int = 7, input: int = 100) -> list[Event]:
    """Return a stream as the service sends it."""
    usage = {"input_tokens": input, "output_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": [], "usage": usage}
    deltas = [
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}}) for text in texts
    ]  # fmt: skip
    found: list[Event] = [
        ("message_start", {"message": head | {"stop_reason": None, "stop_sequence": None}}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        *deltas,
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": output}}),
        ("message_stop", {}),
    ]
    return [(name, {"type": name, **data}) for name, data in found]


def wire(*sent: Event) -> bytes:
    return b"".join(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode() for name, data in sent)


@dataclass
class Service:
    """A model service: keeps what it was asked, and lets the test answer, byte by byte."""

    answer: Callable[["Service", asyncio.StreamWriter], Awaitable[None]]
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the gateway has closed the connection before the answer's end."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                content = await reader.readexactly(int(headers.get("content-length", 0)))
                self.asked.append((first, headers, content))
                answering = asyncio.create_task(self._answer(writer))
                waiting = asyncio.create_task(reader.read(1))
                await asyncio.wait({answering, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done():
                    self.left.set()
                    answering.cancel()
                waiting.cancel()
                await asyncio.gather(answering, waiting, return_exceptions=True)
                break
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        await self.answer(self, writer)


def begun(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")


def saying(*sent: Event) -> Callable[[Service, asyncio.StreamWriter], Awaitable[None]]:
    """Answer with a whole stream."""

    async def answer(service: Service, writer: asyncio.StreamWriter) -> None:
        begun(writer)
        writer.write(wire(*sent))
        await writer.drain()

    return answer


def pausing(sent: Sequence[Event], after: int) -> Callable[[Service, asyncio.StreamWriter], Awaitable[None]]:
    """Answer with `after` events, and with the rest when told to go on."""

    async def answer(service: Service, writer: asyncio.StreamWriter) -> None:
        begun(writer)
        writer.write(wire(*sent[:after]))
        await writer.drain()
        await service.go_on.wait()
        writer.write(wire(*sent[after:]))
        await writer.drain()

    return answer


@dataclass
class Place:
    """A gateway, how it is reached, and where it books."""

    url: str
    registry: SqlRegistry
    proxy: ModelProxy
    upstream: Upstream
    receipts: EgressReceipts
    vault: MemoryVault
    answers: CredentialReceipts

    def client(self, **given: Any) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(**{"api_key": token(), "base_url": self.url, "max_retries": 0} | given)

    def http(self, given: str | None = None) -> httpx.AsyncClient:
        headers = {"x-api-key": token() if given is None else given, "anthropic-version": "2023-06-01"}
        return plain_client(base_url=self.url, headers=headers, timeout=60)


_made: list[bytes] = []
"""The one database that all tests begin with: making its tables takes longer than most of them."""


async def _database(folder: Path) -> Path:
    """Return a registry's file that holds the project `notes` and its run."""
    file = folder / "registry.db"
    if not _made:
        registry = SqlRegistry(url=f"sqlite+aiosqlite:///{file}", budget_micro_usd=0)
        await lay_registry(registry.url.get_secret_value())
        await registry.add_project(brief(), "local:me", "notes.localhost", NOW)
        await registry.add_run(request(), NOW)
        await registry.close()
        _made.append(file.read_bytes())
    file.write_bytes(_made[0])
    return file


@asynccontextmanager
async def opened(
    folder: Path,
    upstream: Upstream,
    models: Models | None = None,
    budget: int = 5_000_000,
    allowance: Allowance | None = None,
    address: str = "127.0.0.1",
    guests: IPv4Network = LOOPBACK,
    street: Occupants | None = None,
    github: str = "https://github.com",
    questions: int = QUESTIONS,
) -> AsyncIterator[Place]:
    """Yield a gateway before `upstream`; it has booked everything when this ends."""
    registry = SqlRegistry(url=f"sqlite+aiosqlite:///{await _database(folder)}", budget_micro_usd=budget)
    vault, receipts, answers = MemoryVault(), EgressReceipts(folder, "models"), CredentialReceipts(folder)
    desk = CredentialDesk(registry, StoredTokens(lambda: vault), site_of(github), answers, questions)
    tools = ToolCounter(DoorSockets(folder))
    known = Guests(KEY, registry, allowance or Allowance(), Addresses(street) if street else None, tools)
    proxy = ModelProxy(known, registry, models or Models(MODEL), upstream, GatewayReceipts(receipts), desk, tools)
    listener = bound(address, 0)
    assert listener
    server = server_of(proxy, guests)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield Place(f"http://{address}:{listener.getsockname()[1]}", registry, proxy, upstream, receipts, vault, answers)
    finally:
        server.should_exit = True
        await serving
        await proxy.idle()
        await upstream.close()
        left = await registry.cost()
        await registry.close()
    assert left.reserved_micro_usd == 0


@asynccontextmanager
async def before(service: Service, folder: Path, **given: Any) -> AsyncIterator[Place]:
    """Yield a gateway before a service of the test."""
    timing = {name: given.pop(name) for name in ("silence_seconds", "whole_seconds") if name in given}
    async with await asyncio.start_server(service.serve, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with opened(folder, Upstream(REAL_KEY, address, **timing), **given) as place:
            yield place
