"""A scripted Messages API: real HTTP, real streams, the real API's rules; what the model says comes from a script."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import Receive, Scope, Send

from blocks.quiet_server import QuietServer
from domain.conversations import Text
from domain.sessions import RecordedReply, message_head, stream_events, wire_usage
from domain.usage import TokenUsage
from tests.fakes.messages_rules import broken_rule, broken_thinking, foreign_thinking, hashes, history, prefix_blocks, tokens

VERSIONS = ("2023-06-01", "2026-10-21")

LOOKBACK = 20
"""Blocks before a breakpoint in which the real cache looks for an earlier write."""

_ids = count(1)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def use(name: str, id: str = "", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id or f"toolu_{next(_ids)}", "name": name, "input": given}


def garbled(name: str, written: str) -> dict[str, Any]:
    """A call whose input is streamed as it is written here, JSON or not."""
    return use(name) | {"written": written}


def thinking(words: str = "") -> dict[str, Any]:
    """A thinking block; the server signs it."""
    return {"type": "thinking", "thinking": words, "signature": ""}


@dataclass
class Say:
    """An answer."""

    content: Sequence[dict[str, Any]]
    stop_reason: str = ""
    output_tokens: int = 50


@dataclass
class Fault:
    """An answer with an error status."""

    status: int
    type: str = "api_error"
    retry_after: str | None = None
    message: str = "scripted fault"


@dataclass
class Cut:
    """A stream that breaks off after so many events."""

    say: Say
    after: int = 4


@dataclass
class Stall:
    """A stream that falls silent after so many events, until the server ends; `pings` go on if there are any."""

    say: Say
    after: int = 4
    pings: bool = False


@dataclass
class ErrorInStream:
    """A stream with status 200 that ends in an error event."""

    type: str = "overloaded_error"


@dataclass
class Hang:
    """No answer at all, until the server ends."""


@dataclass
class Garbage:
    """An answer as it stands here, with status 200."""

    body: bytes = b"<html>not the API</html>"
    kind: str = "application/json"


Answer = Say | Fault | Cut | Stall | ErrorInStream | Hang | Garbage


@dataclass
class Asked:
    """A request as it came."""

    body: dict[str, Any]
    headers: dict[str, str]
    usage: TokenUsage = field(default_factory=TokenUsage)

    @property
    def role(self) -> str:
        return self.headers.get("x-slipway-role", "")

    @property
    def turn(self) -> int:
        return sum(message["role"] == "assistant" for message in self.body["messages"])

    @property
    def last_blocks(self) -> list[dict[str, Any]]:
        content = self.body["messages"][-1]["content"]
        return [text(content)] if isinstance(content, str) else content


class ScriptedMessagesAPI:
    """Play a list of answers, or ask a function for each. Requests that break a rule are refused and use up no answer."""

    def __init__(
        self, script: Sequence[Answer] | Callable[[Asked], Answer], key: str = "test-key", window: int | None = None
    ) -> None:
        self.requests: list[Asked] = []
        self.problems: list[str] = []
        """Rules broken and requests after the script's end."""
        self._script = script if callable(script) else self._play(iter(list(script)))
        self._left = 0 if callable(script) else len(script)
        self._key = key
        self._cache: set[str] = set()
        self._window = window
        """Tokens of the longest prompt; longer ones are refused, and are no problem of the test."""
        self._bound: dict[str, tuple[str, list[str]]] = {}
        self._thinkers: dict[str, str] = {}
        """The model that wrote each thinking block, by signature."""
        self._paused = False
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            self._app, log_level="critical", interface="asgi3", lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        self._server = QuietServer(config)
        self._thread = threading.Thread(target=self._serve, name="scripted-messages-api")
        self._ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def assert_exhausted(self) -> None:
        """Fail when a rule was broken, something was asked after the end, or answers are left."""
        assert not self.problems, self.problems
        assert self._left == 0, f"{self._left} answers of the script were never asked for"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.set()
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def _play(self, answers: Iterator[Answer]) -> Callable[[Asked], Answer]:
        def next_answer(asked: Asked) -> Answer:
            answer = next(answers, None)
            if answer is None:
                self.problems.append(f"the script has no answer left for role {asked.role!r}, turn {asked.turn}")
                return Fault(501, "api_error", message="the script of this test ran out")
            self._left -= 1
            return answer

        return next_answer

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._exchange(scope, receive, send)
        except Exception as error:
            # A script that raises, like a failed assertion in it, is seen by the test, not only by the server.
            self.problems.append(repr(error))
            raise

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        refused = self._refused_headers(scope, headers)
        if refused:
            await _send_error(send, refused)
            return
        asked = Asked(json.loads(body), headers)
        if broken := (
            broken_rule(asked.body, paused=self._paused)
            or foreign_thinking(asked.body, self._thinkers)
            or broken_thinking(asked.body, self._bound)
        ):
            self.problems.append(broken)
            await _send_error(send, Fault(400, "invalid_request_error", message=broken))
            return
        size = sum(map(tokens, prefix_blocks(asked.body)))
        if self._window is not None and size > self._window:
            said = f"prompt is too long: {size} tokens > {self._window} maximum"
            await _send_error(send, Fault(400, "invalid_request_error", message=said))
            return
        self.requests.append(asked)
        await self._send(send, asked, self._script(asked))

    def _refused_headers(self, scope: Scope, headers: dict[str, str]) -> Fault | None:
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if given != self._key:
            return Fault(401, "authentication_error", message="invalid x-api-key")
        if headers.get("anthropic-version") not in VERSIONS:
            return Fault(400, "invalid_request_error", message="anthropic-version: header is required")
        if (scope["method"], scope["path"]) != ("POST", "/v1/messages"):
            return Fault(404, "not_found_error", message="Not found")
        return None

    async def _send(self, send: Send, asked: Asked, answer: Answer) -> None:
        match answer:
            case Fault():
                await _send_error(send, answer)
            case Hang():
                await asyncio.to_thread(self._ending.wait)
            case Garbage(body=body, kind=kind):
                await _send_body(send, 200, body, kind)
            case ErrorInStream(type=kind):
                error = {"type": "error", "error": {"type": kind, "message": "scripted"}}
                await _send_body(send, 200, _event("error", error), "text/event-stream")
            case Cut(say=say, after=after):
                await _send_stream(send, self._events(asked, say)[:after], whole=False)
            case Stall(say=say, after=after, pings=pings):
                await _send_stream(send, self._events(asked, say)[:after], whole=False)
                while not await asyncio.to_thread(self._ending.wait, 0.02 if pings else None):
                    await send({"type": "http.response.body", "body": _event("ping", {"type": "ping"}), "more_body": True})
            case Say() if asked.body.get("stream"):
                await _send_stream(send, self._events(asked, answer), whole=True)
            case Say():
                reply, content = self._reply(asked, answer)
                ended = {"content": content, "stop_reason": reply.stop_reason, "usage": wire_usage(reply.usage)}
                await _send_body(send, 200, json.dumps(message_head("msg_1", reply.model) | ended).encode(), "application/json")

    def _events(self, asked: Asked, say: Say) -> list[tuple[str, dict[str, Any]]]:
        reply, content = self._reply(asked, say)
        written = {index: block.pop("written") for index, block in enumerate(content) if "written" in block}
        events = stream_events(f"msg_{len(self.requests)}", reply, content)
        for _, data in events:
            delta = data.get("delta", {})
            if data.get("index") in written and delta.get("partial_json"):
                delta["partial_json"] = written[data["index"]]
        return events

    def _reply(self, asked: Asked, say: Say) -> tuple[RecordedReply, list[dict[str, Any]]]:
        content = [self._signed(asked, dict(block)) for block in say.content]
        calls = any(block["type"] == "tool_use" for block in content)
        stop_reason = say.stop_reason or ("tool_use" if calls else "end_turn")
        self._paused = stop_reason == "pause_turn"
        asked.usage = self._usage(asked.body, say.output_tokens)
        reply = RecordedReply(
            role=asked.role,
            conversation="",
            turn=asked.turn,
            model=asked.body["model"],
            stop_reason=stop_reason,
            parts=(Text(text=""),),
            usage=asked.usage,
        )
        return reply, content

    def _signed(self, asked: Asked, block: dict[str, Any]) -> dict[str, Any]:
        if block["type"] != "thinking":
            return block
        signature = f"signature-{len(self._bound)}"
        self._bound[signature] = history(asked.body)
        self._thinkers[signature] = asked.body["model"]
        return block | {"signature": signature}

    def _usage(self, body: dict[str, Any], output: int) -> TokenUsage:
        """Count as the real cache does: read the longest earlier write near a breakpoint, write on to the last breakpoint."""
        blocks, prefixes = prefix_blocks(body), hashes(body)
        marks = [place for place, block in enumerate(blocks) if "cache_control" in block]
        near = {place for mark in marks for place in range(max(mark - LOOKBACK, 0), mark + 1)}
        read_to = max((place + 1 for place in near if prefixes[place] in self._cache), default=0)
        write_to = max((mark + 1 for mark in marks), default=0)
        self._cache |= {prefixes[mark] for mark in marks}
        sizes = [tokens(block) for block in blocks]
        return TokenUsage(
            input=sum(sizes[max(write_to, read_to) :]),
            cache_read=sum(sizes[:read_to]),
            cache_write=sum(sizes[read_to:write_to]),
            output=output,
        )


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


async def _send_stream(send: Send, events: Sequence[tuple[str, dict[str, Any]]], *, whole: bool) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for name, data in events:
        await send({"type": "http.response.body", "body": _event(name, data), "more_body": True})
    if whole:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_body(send: Send, status: int, body: bytes, kind: str, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_error(send: Send, fault: Fault) -> None:
    body = {"type": "error", "error": {"type": fault.type, "message": fault.message}, "request_id": "req_test"}
    more = [(b"retry-after", fault.retry_after.encode())] if fault.retry_after else []
    await _send_body(send, fault.status, json.dumps(body).encode(), "application/json", more)
