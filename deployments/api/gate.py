"""The gate before everything: default-closed, it lets in a right key, a browser that has signed in, and what `doors` lists.

It also gives each request its id and each answer its headers, bounds bodies, and has the last word on what went wrong.
"""

import asyncio
import logging
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from secrets import token_hex

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.api.doors import ABOUT_ONESELF, FILES, PREFECT, SAFE, SIGNED, WITH_FILES, is_open
from deployments.api.knocking import Doorkeeper, address_of, unknown
from deployments.api.problems import Refusal, has_head, problem, problem_of
from deployments.web.errors import turned_away, wants_page
from deployments.web.sessions import is_from_our_page, token_of
from domain.attachments import Limits
from domain.errors import TryAgain
from domain.keys import ApiKey
from domain.keys import Scope as KeyScope
from domain.webhooks import BODY_LIMIT as SIGNED_LIMIT

logger = logging.getLogger(__name__)

BODY_LIMIT = 256 * 1024
"""Bytes of a request's body; the longest secret needs 192 KiB when each of its characters is escaped."""

SENDING = 300.0
"""Seconds for a whole body: a phone may need minutes for its files, and none may go on without end."""

MINI_APP = "tma"
"""By this scheme Mini Apps show what Telegram has signed for them (https://docs.telegram-mini-apps.com/platform/init-data)."""

BASIC = 'Basic realm="Slipway: any name, and the key of an operator as password", charset="UTF-8"'
"""By this a browser asks for the key."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer that has none of its own. None allows another origin anything: scripts from elsewhere are kept out."""


class Gate:
    """The application with its gate."""

    def __init__(self, app: FastAPI, doorkeeper: Doorkeeper, clock: Callable[[], datetime], sockets: ASGIApp) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._clock = clock
        self._sockets = sockets
        """Takes websockets, and looks by itself who asks: that stands in their first message."""
        self.sending = SENDING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever happens, it is answered, or cut off where its answer has begun."""
        if scope["type"] == "websocket":
            return await self._sockets(scope, receive, send)
        if scope["type"] != "http":
            raise RuntimeError(f"the API speaks HTTP, not {scope['type']}")
        request = token_hex(8)
        scope["state"] = {"request": request, "now": self._clock()}
        answer = _Answer(send, request)
        try:
            await self._answered(scope, receive, answer)
        except Exception as error:
            await self._last_word(error, scope, receive, answer)

    async def _answered(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        """Have the application answer who is let in, and refuse everybody else."""
        try:
            await self._let_in(scope)
            is_head = scope["method"] == "HEAD" and has_head(scope["path"])
            asked = {**scope, "method": "GET"} if is_head else scope  # the server leaves the body out (RFC 9110, 9.3.2)
            await self._app(asked, _bounded(scope, receive, self._limit(scope), self.sending), answer)
        except HTTPException as error:
            headers = dict(error.headers or {})
            if error.status_code == HTTPStatus.UNAUTHORIZED and scope["path"] == PREFECT:
                headers["WWW-Authenticate"] = BASIC
            refusal = problem(error.status_code, error.detail, answer.request, headers)
            shown = await turned_away(scope, self._app, error) if wants_page(scope) else refusal
            await shown(scope, receive, answer)

    async def _let_in(self, scope: Scope) -> None:
        """Return when the request may go on, with its caller in its state; raise Refusal."""
        if is_open(scope["method"], scope["path"]):
            return
        caller = await self._caller(scope)
        looks = scope["method"] in SAFE or scope["path"] in ABOUT_ONESELF
        needed = KeyScope.READ if looks else KeyScope.WRITE
        if not caller.may(needed):
            raise Refusal(403, f"this key has not the scope `{needed.value}`")
        scope["state"]["caller"] = caller

    async def _caller(self, scope: Scope) -> ApiKey:
        """Return who asks: by a key, or where none is sent by a browser's session; that changes something by our page alone."""
        if not Headers(scope=scope).getlist("authorization") and token_of(scope):
            visit = await self._doorkeeper.visit(scope, scope["state"]["now"])
            if scope["method"] not in SAFE and not is_from_our_page(scope):
                raise Refusal(403, "a browser changes something only by this page itself")
            scope["state"]["visit"] = visit
            return visit.as_caller()
        scheme, shown = _shown(scope)
        if scheme == MINI_APP:
            return (await self._doorkeeper.word(shown, address_of(scope), scope["state"]["now"])).as_caller()
        return await self._doorkeeper.key(shown, address_of(scope), scope["state"]["now"])

    def _limit(self, scope: Scope) -> int:
        """Return how many bytes the body may have."""
        if scope["path"] in SIGNED and scope["method"] == "POST":
            return SIGNED_LIMIT
        files: Limits = self._app.state.house.files
        is_form = Headers(scope=scope).get("content-type", "").startswith("multipart/form-data")
        brings_files = scope["path"] == FILES or (is_form and "visit" in scope["state"] and WITH_FILES.fullmatch(scope["path"]))
        return BODY_LIMIT + files.bytes if brings_files else BODY_LIMIT

    async def _last_word(self, error: Exception, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        trace = None if isinstance(error, TryAgain) else error
        logger.error("%s: %s %s: %s", answer.request, scope["method"], type(error).__name__, error, exc_info=trace)
        if answer.has_ended:
            return
        if answer.has_begun:
            raise error  # the server cuts it off, and its reader sees that it is not whole
        await problem_of(error, answer.request)(scope, receive, answer)


class _Answer:
    """Sends an answer with the headers that all have."""

    def __init__(self, send: Send, request: str) -> None:
        self.request = request
        self.has_begun = self.has_ended = False
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        elif message["type"] == "http.response.body":
            self.has_ended = not message.get("more_body", False)
        await self._send(message)


def _shown(scope: Scope) -> tuple[str, str]:
    """Return how somebody shows who they are, and what they show; raise Refusal for nothing, and for more than one thing."""
    sent = Headers(scope=scope).getlist("authorization")
    scheme, _, shown = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    scheme, shown = scheme.lower(), shown.strip()
    if scheme == "basic" and scope["path"] == PREFECT:
        return scheme, _password(shown)
    if scheme not in ("bearer", MINI_APP) or not shown:
        raise unknown("send one key: `Authorization: Bearer slipway_…`")
    return scheme, shown


def _password(shown: str) -> str:
    """Return the password of what a browser shows (RFC 7617); its user may type any name."""
    try:
        return b64decode(shown, validate=True).decode().partition(":")[2]
    except ValueError:
        raise unknown("this is no name and password") from None


def _bounded(scope: Scope, receive: Receive, limit: int, seconds: float) -> Receive:
    """Return `receive` for bodies that are within their limit, whatever their length is said to be, and whole in time."""
    said = Headers(scope=scope).get("content-length", "0")
    if not said.isascii() or not said.isdecimal() or len(said) > 12 or int(said) > limit:
        raise _too_large(limit)
    read, is_whole, ends = 0, False, asyncio.get_running_loop().time() + seconds

    async def bounded() -> Message:
        nonlocal read, is_whole
        if is_whole:
            return await receive()  # says when its sender has gone
        try:
            async with asyncio.timeout_at(ends):
                message = await receive()
        except TimeoutError:
            raise Refusal(408, f"the body did not come within {seconds:g} seconds", {"Connection": "close"}) from None
        read, is_whole = read + len(message.get("body", b"")), not message.get("more_body", False)
        if read > limit:
            raise _too_large(limit)
        return message

    return bounded


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"a request has at most {limit:,} bytes", {"Connection": "close"})
