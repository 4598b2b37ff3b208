"""Updates that Telegram brings: a server on loopback, behind Caddy, that puts them into the same inbox as the poller does.

Telegram hears 200 when the update lies in the inbox's folder, so that a kill loses none; what it brings twice the inbox
knows. Who posts without the secret that Telegram was given is refused before anything else is read.
"""

import asyncio
import json
import logging
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot, Update
from telegram.error import NetworkError

from blocks.quiet_server import QuietServer
from blocks.telegram_updates import readable
from deployments.bot.inbox import Inbox
from domain.bot_webhook import SECRET_HEADER, Webhook, is_telegrams
from domain.errors import BadInput

logger = logging.getLogger(__name__)

BODY_BYTES = 1 << 20
"""Of one update; Telegram's have a few thousand."""
STOPPING = 2
"""Seconds that an update which is being stored gets when the bot ends."""


class TooLargeError(Exception):
    """More came than an update has."""


class Receiver:
    """The server; it listens from `start` to `aclose`."""

    def __init__(self, webhook: Webhook, secret: str, inbox: Inbox, bot: Bot) -> None:
        self._webhook = webhook
        self._secret = secret
        self._inbox = inbox
        self._bot = bot
        self._one = asyncio.Lock()
        """One update after the other: one that is brought again while it is being stored is known then."""
        self._server = server_of(Starlette(routes=[Route(webhook.path, self._take, methods=["POST"])]))
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen; raise BadInput when something else does there."""
        try:
            listener = socket.create_server(("127.0.0.1", self._webhook.port), backlog=128)
        except OSError as error:
            raise BadInput(
                f"the bot cannot listen on port {self._webhook.port} for its webhook: {error.strerror}; end the other bot, "
                "or start `slipway up` again"
            ) from error
        self._serving = asyncio.create_task(self._server.serve([listener]))

    async def aclose(self) -> None:
        """Listen no more; what is not answered by then Telegram brings again."""
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving

    async def _take(self, request: Request) -> Response:
        if not is_telegrams(request.headers.get(SECRET_HEADER, ""), self._secret):
            return Response(status_code=403)
        try:
            update = update_in(await body_of(request), self._bot)
        except TooLargeError:
            return Response(status_code=413)
        if update is None:
            return Response(status_code=200)  # it would be brought again and again, and hold up those behind it
        try:
            async with self._one:
                await self._inbox.put(update)
        except NetworkError as error:
            logger.warning("Telegram brings it again: %s", error)
            return Response(status_code=503)
        return Response(status_code=200)


async def body_of(request: Request) -> bytes:
    """Read no more than an update has; raise TooLargeError."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise TooLargeError
    return bytes(body)


def update_in(body: bytes, bot: Bot) -> Update | None:
    """Return the update; None for what is none, which is told to the log without a word of it."""
    try:
        found = json.loads(body)
        number = int(found["update_id"])
        return Update.de_json(readable({**found, "update_id": number}), bot)
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
        logger.error("what Telegram brought is no update that can be read (%s)", type(error).__name__)  # noqa: TRY400
        return None


def server_of(application: Starlette) -> QuietServer:
    """Return the server; it neither names itself nor writes down who asked for what."""
    config = uvicorn.Config(
        application,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=32 * 1024,
        limit_concurrency=100,
        timeout_graceful_shutdown=STOPPING,
    )
    return QuietServer(config)
