"""The egress proxy: lets workers through to permitted hosts, keeps each run's receipt, and looks into nothing but the name.

A connection is one request. It is refused before anything is asked of the outside, unless its token proves a run, the
run's allowance lasts, the host is on the allow-list, and all addresses of the host lie outside.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from deployments.egress.accounts import NOBODY, Account, Accounts, Refused
from deployments.egress.addresses import Addresses
from domain.egress import Guest, ProxyRequest, first_refusal, forwarded, guest_of, parsed_request, refusal, wrong_port
from domain.errors import SlipwayError
from domain.receipts import Passage
from domain.tls_hello import RECORD_HEADER, record_length, server_name

CHUNK = 64 * 1024
HEAD_SECONDS = 10.0
CONNECT_SECONDS = 15.0
CLOSE_SECONDS = 10.0
CONNECTIONS = 512
"""Of all runs together; more are closed unread."""
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Connect = Callable[[str, int], Awaitable[Streams]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of the host as this machine finds them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def connect(address: str, port: int) -> Streams:
    return await asyncio.open_connection(address, port)


class EgressProxy:
    """Serves the connections of one installation's workers. `github` is for those that have the capability."""

    def __init__(
        self,
        key: str,
        patterns: Sequence[str],
        accounts: Accounts,
        addresses: Addresses,
        idle_seconds: float,
        resolve: Resolve = resolve,
        connect: Connect = connect,
        github: Sequence[str] = (),
    ) -> None:
        self.accounts = accounts
        self.idle_seconds = idle_seconds
        self._key = key
        self._patterns = tuple(patterns)
        self._github = tuple(github)
        self._addresses = addresses
        self._resolve = resolve
        self._connect = connect
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end; nothing that a worker sends can raise out of here."""
        self._connections += 1
        try:
            if self._connections <= CONNECTIONS:
                with suppress(OSError):
                    await _Exchange(self, reader, writer).answer()
            await _close(writer)
        finally:
            self._connections -= 1

    async def guest_behind(self, request: ProxyRequest, address: str) -> Guest:
        """Return whom the token proves, which holds only where a worker of its run is; raise Refused else."""
        guest = guest_of(request.credentials, self._key)
        if guest is None:
            raise Refused(407, "this needs the token of a run")
        try:
            at_home = await self._addresses.run_at(address, guest.run)
        except SlipwayError as error:
            raise Refused(503, "the engine does not say whose worker this is") from error
        if at_home != guest.run:
            raise Refused(403, "this token is of another run", at_home or NOBODY)
        return guest

    async def way_to(self, request: ProxyRequest, guest: Guest) -> Streams:
        """Connect to a checked address of a host that the guest may reach; raise Refused where there is no way."""
        patterns = (*self._patterns, *self._github) if guest.github else self._patterns
        if why := refusal(request.host, request.port, patterns):
            raise Refused(403, why)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                addresses = await self._resolve(request.host, request.port)
                if why := first_refusal(addresses):
                    raise Refused(403, why)
                return await self._first_that_answers(addresses, request.port)
        except OSError as error:  # TimeoutError is one
            raise Refused(502, "the host cannot be reached") from error

    async def _first_that_answers(self, addresses: Sequence[str], port: int) -> Streams:
        for address in addresses[:-1]:
            with suppress(OSError):
                return await self._connect(address, port)
        return await self._connect(addresses[-1], port)


class _Exchange:
    """One connection of a worker."""

    def __init__(self, proxy: EgressProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._up = 0
        self._down = 0

    async def answer(self) -> None:
        """Read the request, serve or refuse it, and write down what happened, however it ends."""
        run, request, why = NOBODY, None, ""
        try:
            request = await self._asked()
            guest = await self._proxy.guest_behind(request, str(self._writer.get_extra_info("peername")[0]))
            run = guest.run
            async with self._proxy.accounts.admitted(run) as account:
                await self._pass(account, request, guest)
        except Refused as refused:
            why, run = refused.why, run if refused.run == NOBODY else refused.run
            await self._refuse(refused)
        except (OSError, asyncio.IncompleteReadError):
            why = "cut off"
        finally:
            host, port = (request.host[:120], request.port) if request else ("", 0)
            passage = Passage(at=datetime.now(UTC), host=host, port=port, up=self._up, down=self._down, refused=why)
            await self._proxy.accounts.write_down(run, passage)

    async def _asked(self) -> ProxyRequest:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise Refused(431, "the request is too long") from error
        except TimeoutError as error:
            raise Refused(408, "the request did not come") from error
        request = parsed_request(head)
        if request is None:
            raise Refused(400, "this is no request to a proxy")
        return request

    async def _pass(self, account: Account, request: ProxyRequest, guest: Guest) -> None:
        if request.method not in ("CONNECT", "GET", "HEAD"):
            raise Refused(405, "only CONNECT, GET and HEAD are passed")
        if why := wrong_port(request):
            raise Refused(403, why)
        outer_reader, outer_writer = await self._proxy.way_to(request, guest)

        def up(size: int) -> None:
            self._up += size
            account.count(size)

        def down(size: int) -> None:
            self._down += size
            account.count(size)

        flows = [_Flow(outer_reader, self._writer, down)]
        try:
            if request.method == "CONNECT":
                first = await self._hello(request)
                flows.append(_Flow(self._reader, outer_writer, up))
            else:
                first = forwarded(request)
            up(len(first))
            outer_writer.write(first)
            await _pump(flows, self._proxy.idle_seconds)
        finally:
            await _close(outer_writer)

    async def _hello(self, request: ProxyRequest) -> bytes:
        """Open the tunnel and return the worker's first message when it asks for the same host; raise Refused else."""
        self._writer.write(ESTABLISHED)
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                header = await self._reader.readexactly(RECORD_HEADER)
                length = record_length(header)
                hello = await self._reader.readexactly(length) if length else b""
        except TimeoutError as error:
            raise Refused(0, "no TLS was begun") from error
        if server_name(hello) != request.host.lower():
            raise Refused(0, "TLS for another name, or none")
        return header + hello

    async def _refuse(self, refused: Refused) -> None:
        """Tell the worker why, in the status line too: clients show that one. A tunnel that is open is just cut."""
        if not refused.status:
            self._writer.transport.abort()
            return
        challenge = 'Proxy-Authenticate: Basic realm="slipway"\r\n' if refused.status == 407 else ""
        text = f"Slipway's egress proxy: {refused.why}\n"
        head = f"HTTP/1.1 {refused.status} {refused.why}\r\n{challenge}Content-Type: text/plain\r\n"
        self._writer.write(f"{head}Content-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}".encode())


@dataclass(frozen=True)
class _Flow:
    """One direction: where bytes come from and go to, and who counts them."""

    source: asyncio.StreamReader
    target: asyncio.StreamWriter
    count: Callable[[int], None]

    async def copy(self, on_chunk: Callable[[], None]) -> None:
        while chunk := await self.source.read(CHUNK):
            on_chunk()
            self.count(len(chunk))
            self.target.write(chunk)
            await self.target.drain()
        if self.target.can_write_eof():
            self.target.write_eof()


async def _pump(flows: Sequence[_Flow], idle_seconds: float) -> None:
    """Copy until every flow has ended; raise Refused when all are silent for too long or the run has had enough."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(idle_seconds) as deadline, asyncio.TaskGroup() as group:
            for flow in flows:
                group.create_task(flow.copy(lambda: deadline.reschedule(loop.time() + idle_seconds)))
    except TimeoutError as error:
        raise Refused(0, "silent for too long") from error
    except ExceptionGroup as failed:
        # A reset is no failure: clients leave a finished TLS connection with one.
        if refused := failed.subgroup(Refused):
            raise refused.exceptions[0] from None


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close it once what was written has gone; drop that when the peer does not take it in time."""
    writer.close()
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await writer.wait_closed()
    except OSError:
        writer.transport.abort()
