"""The gate before the whole API: default-closed, it lets in a right key, and nothing else but what `doors` lists.

It also gives each request its id and each answer its headers, bounds bodies, and has the last word on what went wrong.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from secrets import token_hex

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.api.doors import OPEN, SIGNED
from deployments.api.problems import Refusal, problem, problem_of
from domain.errors import TryAgain
from domain.keys import ApiKey, Keys, digest_of
from domain.keys import Scope as KeyScope
from domain.limits import TRUSTED, WINDOW, WRONG, Counters, wait
from domain.webhooks import BODY_LIMIT as SIGNED_LIMIT
from tasks.keys import admit

logger = logging.getLogger(__name__)

BODY_LIMIT = 256 * 1024
"""Bytes of a request's body; the longest secret needs 192 KiB when each of its characters is escaped."""

SAFE = ("GET", "HEAD", "OPTIONS")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer. None allows another origin anything: browsers' scripts from elsewhere are kept out."""


class Gate:
    """The application with its gate."""

    def __init__(
        self,
        app: ASGIApp,
        registry: Keys,
        counters: Counters,
        pepper: bytes,
        rate: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._app = app
        self._registry = registry
        self._counters = counters
        self._pepper = pepper
        self._rate = rate
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever happens, it is answered, or cut off where its answer has begun."""
        if scope["type"] != "http":
            raise RuntimeError(f"the API speaks HTTP, not {scope['type']}")
        request = token_hex(8)
        scope["state"] = {"request": request}
        answer = _Answer(send, request)
        try:
            await self._let_in(scope)
            await self._app(scope, _bounded(scope, receive), answer)
        except HTTPException as error:
            refusal = problem(error.status_code, error.detail, request, dict(error.headers or {}))
            await refusal(scope, receive, answer)
        except Exception as error:
            await self._last_word(error, scope, receive, answer)

    async def _let_in(self, scope: Scope) -> None:
        """Return when the request may go on, with its caller in its state; raise Refusal."""
        if (scope["path"] in OPEN and scope["method"] in SAFE) or _is_signed(scope):
            return
        caller = await self._caller(_shown(scope), scope["client"][0] if scope.get("client") else "")
        used = await self._counters.count(f"key:{caller.id}", WINDOW)
        if (seconds := wait(used, self._rate)) is not None:
            raise Refusal(429, f"this key may ask {self._rate} times a minute", {"Retry-After": str(seconds)})
        needed = KeyScope.READ if scope["method"] in SAFE else KeyScope.WRITE
        if not caller.may(needed):
            raise Refusal(403, f"this key has not the scope `{needed.value}`")
        scope["state"]["caller"] = caller

    async def _caller(self, shown: str, address: str) -> ApiKey:
        """Return whose key it is. An address that was wrong too often is believed only what it has shown rightly before."""
        digest = digest_of(shown, self._pepper)
        wrong, right = f"wrong:{address}", f"right:{address}:{digest}"
        seconds = wait(await self._counters.counted(wrong), WRONG - 1)
        if seconds is not None and not await self._counters.remembers(right):
            raise Refusal(429, "too many wrong keys from this address", {"Retry-After": str(seconds)})
        caller = await admit(shown, digest, self._registry, self._clock())
        if caller is None:
            await self._counters.count(wrong, WINDOW)
            await self._counters.forget(right)  # it opened once, and was revoked or has expired since
            raise _unknown("this key opens nothing")
        await self._counters.remember(right, TRUSTED)
        return caller

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
            headers.update({**HEADERS, "X-Request-Id": self.request})
            headers.setdefault("Cache-Control", "no-store")
        elif message["type"] == "http.response.body":
            self.has_ended = not message.get("more_body", False)
        await self._send(message)


def _shown(scope: Scope) -> str:
    """Return the key that was sent; raise Refusal when there is none, or more than one."""
    sent = Headers(scope=scope).getlist("authorization")
    scheme, _, shown = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not shown:
        raise _unknown("send one key: `Authorization: Bearer slipway_…`")
    return shown.strip()


def _unknown(detail: str) -> Refusal:
    return Refusal(401, detail, {"WWW-Authenticate": "Bearer"})


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """Return `receive` for bodies within their limit, whatever their length is said to be."""
    said, limit = Headers(scope=scope).get("content-length", "0"), SIGNED_LIMIT if _is_signed(scope) else BODY_LIMIT
    if not said.isascii() or not said.isdecimal() or len(said) > 12 or int(said) > limit:
        raise _too_large(limit)
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise _too_large(limit)
        return message

    return bounded


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"a request has at most {limit:,} bytes", {"Connection": "close"})


def _is_signed(scope: Scope) -> bool:
    """Tell whether the route itself asks who sent it."""
    return scope["path"] in SIGNED and scope["method"] == "POST"
