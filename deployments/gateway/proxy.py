"""The model gateway: passes a worker's model calls on, streamed as they come, and books each of them.

Nothing is asked of the model service before the token has proven a run that goes on, the request is one that may be passed,
and its worst case has been set aside in the ledger. What was used is settled before the answer ends.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from starlette.types import Receive, Scope, Send

from deployments.gateway.client import GatewayClient, Gone
from deployments.gateway.credentials import CredentialDesk
from deployments.gateway.guests import Guests, Refused, registry_refusal, stranger
from deployments.gateway.models import Models
from deployments.gateway.receipts import GatewayReceipts
from deployments.gateway.tools import ToolCounter
from deployments.gateway.upstream import Cut, Declined, Silent, Upstream, chunks
from domain.errors import BudgetSpent, SlipwayError, TryAgain
from domain.gateway import COUNT_TOKENS, GIT_CREDENTIAL, TOOLS, Access, Refusal, returned_headers, sent_headers, wrong_place
from domain.gateway_requests import Asked, asked
from domain.gateway_usage import Meter
from domain.git_credentials import QUESTION_LIMIT
from domain.prices import cost
from domain.tool_doors import CALL_LIMIT
from domain.usage import Ledger, TokenUsage

log = logging.getLogger("slipway.gateway")

SILENCE = Refusal(status=504, type="timeout_error", message="the model service fell silent in the middle of its answer")
INLINE_BYTES = 256 * 1024
"""Longer requests are read in a thread."""

SILENCE_EVENT = b"event: error\ndata: " + SILENCE.body + b"\n\n"

BOOKING_PAUSES = (0.2, 1.0, 5.0)
"""Seconds between attempts to book what was used."""


class ModelProxy:
    """An ASGI application; nothing that a worker sends raises out of it."""

    def __init__(
        self,
        guests: Guests,
        ledger: Ledger,
        models: Models,
        upstream: Upstream,
        receipts: GatewayReceipts,
        credentials: CredentialDesk,
        tools: ToolCounter | None = None,
    ) -> None:
        self._guests = guests
        self._ledger = ledger
        self._receipts = receipts
        self._models = models
        self._upstream = upstream
        self._credentials = credentials
        self._tools = tools
        self._bookings: set[asyncio.Task[None]] = set()
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client, why = GatewayClient(scope, receive, send), "the gateway was stopped"
        with self._counted():
            try:
                why = await self._answer(client)
            except Cut:
                why = "the model service broke off"  # the answer stays unfinished: the worker sees the cut too
                log.warning("%s: %s", client.path, why)
            except Gone:
                why = "the worker has gone"
                log.warning("%s: %s", client.path, why)
            finally:
                if why or client.path not in (GIT_CREDENTIAL, TOOLS):  # git has a receipt of its own, tools the transcript
                    self._keep(self._write_down(client, why))

    async def _write_down(self, client: GatewayClient, why: str) -> None:
        run = client.run or await self._guests.run_behind(client.headers, client.address)
        await self._receipts.write_down(run, client.up, client.down, why)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._calls += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def _answer(self, client: GatewayClient) -> str:
        """Answer, and return why not as it was asked; nothing of that is in the worker's words."""
        try:
            await self._serve(client)
        except Refused as refused:
            refusal = refused.refusal
            log.warning("%s %s: %s %s", client.method, client.path, refusal.status, refusal.message)
            await client.refuse(refusal)
            return f"{refusal.status} {refusal.type.replace('_', ' ')}"
        except Declined as declined:
            await client.answer(declined.status, declined.headers, declined.body)
            return f"the model service answered {declined.status}"
        return ""

    async def idle(self) -> None:
        """Return when no call is under way any more and all that was used is written down."""
        await self._idle.wait()
        await asyncio.gather(*self._bookings)

    async def _serve(self, client: GatewayClient) -> None:
        if wrong := wrong_place(client.method, client.path, client.query):
            raise Refused(wrong)
        if client.path == GIT_CREDENTIAL:
            await self._tell(client)
            return
        if client.path == TOOLS:
            await self._use_tool(client)
            return
        access = await self._guests.admitted(client.headers, client.address)
        client.run = access.run
        self._upstream.require()
        with self._guests.calling(access):
            wanted = await self._wanted(client, access)
            if client.path == COUNT_TOKENS:  # costs nothing
                await client.while_there(self._pass(client, access, wanted))
            else:
                await self._paid(client, access, wanted)
        await client.finish()

    async def _tell(self, client: GatewayClient) -> None:
        """Tell a worker's git what it may know."""
        access = await self._guests.admitted(client.headers, client.address, "repository")
        client.run = access.run
        with self._guests.calling(access):
            told = await self._credentials.answer(access, await client.body(QUESTION_LIMIT))
            await client.answer(200, told.headers, told.body)

    async def _use_tool(self, client: GatewayClient) -> None:
        """Pass a call of our own tools on to the door that the token names."""
        access = await self._guests.admitted(client.headers, client.address, "tools")
        client.run = access.run
        if self._tools is None or not access.door:
            raise stranger("its token opens no door")
        with self._guests.calling(access):
            body = await client.body(CALL_LIMIT)
            passed = await client.while_there(self._tools.answer(access.door, client.headers, body))
            await client.answer(*passed)

    async def _wanted(self, client: GatewayClient, access: Access) -> Asked:
        body, own, counting = await client.body(), self._models.own(access.role), client.path == COUNT_TOKENS
        if len(body) > INLINE_BYTES:
            found = await asyncio.to_thread(asked, body, own, self._models.others, counting=counting)
        else:
            found = asked(body, own, self._models.others, counting=counting)
        if isinstance(found, Refusal):
            raise Refused(found)
        return found

    async def _paid(self, client: GatewayClient, access: Access, wanted: Asked) -> None:
        """Reserve, pass all but the end of the answer, and settle."""
        call = f"{access.conversation}/gateway/{uuid4().hex[:16]}"
        await self._reserve(call, access, wanted)
        meter = Meter(streamed=wanted.streamed, max_tokens=wanted.max_tokens, input_tokens=wanted.input_tokens)
        began = time.monotonic()
        used: TokenUsage | None = None
        try:
            await client.while_there(self._pass(client, access, wanted, meter))
        except (Gone, asyncio.CancelledError):
            used = None if meter.failed else _unseen(wanted)
            raise
        finally:
            if meter.started:
                used = meter.usage(time.monotonic() - began)
            await self._book(call, meter.model or wanted.model, used)

    async def _reserve(self, call: str, access: Access, wanted: Asked) -> None:
        try:
            await self._ledger.reserve(call, access.project, access.run, access.role, wanted.model, wanted.worst_case)
        except BudgetSpent as spent:
            # Claude Code shows the words of a 402 as they are and asks no second time.
            raise Refused(Refusal(status=402, type="billing_error", message=str(spent))) from spent
        except SlipwayError as error:
            raise Refused(registry_refusal(error)) from error

    async def _pass(self, client: GatewayClient, access: Access, wanted: Asked, meter: Meter | None = None) -> None:
        """Send the request and hand its answer on, chunk by chunk, all but the end of it."""
        headers = sent_headers(client.headers, access, self._upstream.api_key)
        sending = self._upstream.asked(client.path, client.query, headers, wanted.body, streamed=wanted.streamed)
        async with sending as response:
            await client.begin(response.status_code, returned_headers(response.headers.items()))
            try:
                async for chunk in chunks(response):
                    if meter:
                        meter.feed(chunk)
                    await client.write(chunk)
            except Silent as silent:
                if not wanted.streamed:
                    raise Cut from silent
                await client.write(SILENCE_EVENT)
        if meter:
            meter.end()

    async def _book(self, call: str, model: str, used: TokenUsage | None) -> None:
        """Settle what was used, or give the reservation back; also when this request is cancelled meanwhile."""
        await asyncio.shield(self._keep(self._booking(call, model, used)))

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin what must come to its end although this request may be cancelled; `idle` waits for it."""
        task = asyncio.create_task(work)
        self._bookings.add(task)
        task.add_done_callback(self._bookings.discard)
        return task

    async def _booking(self, call: str, model: str, used: TokenUsage | None) -> None:
        for pause in (*BOOKING_PAUSES, None):
            try:
                if used is None:
                    await self._ledger.release(call)
                else:
                    await self._ledger.settle(call, used, cost(model, used))
                break
            except SlipwayError as error:
                if pause is None or not isinstance(error, TryAgain):
                    log.error("%s stays reserved until its run has ended: %s", call, error)  # noqa: TRY400  (said whole)
                    break
                await asyncio.sleep(pause)


def _unseen(wanted: Asked) -> TokenUsage:
    """Return what a worker may have used that left before it heard anything: only a stream surely ends with it."""
    return TokenUsage(input=wanted.input_tokens, output=0 if wanted.streamed else wanted.max_tokens)
