"""The replay server: a Messages API that plays a recorded session, for machines without an API key.

Real HTTP and real streams; only the words are recorded. An answer is found by role, conversation and turn, never by the
prompt, so a changed prompt plays on. It keeps nothing: the same run finds the same answers after any restart.
"""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from blocks.claude.wire import block_for
from domain.sessions import (
    REPLIES_FILE,
    SESSION_FILE,
    Place,
    RecordedReply,
    Session,
    by_place,
    knows_request,
    message_head,
    places_by_name,
    stream_events,
    wire_usage,
)

ENTRY_ROLE = "product_owner"
"""Its first message holds the person's words; the session answers only those."""


def application(folder: Path) -> Starlette:
    """Return the server of the session in `folder`; raise what reading it raises."""
    session = Session.model_validate_json((folder / SESSION_FILE).read_text("utf-8"))
    lines = (folder / REPLIES_FILE).read_text("utf-8").splitlines()
    player = _Player(session, [RecordedReply.model_validate_json(line) for line in lines if line.strip()])
    return Starlette(routes=[Route("/v1/messages", player.messages, methods=["POST"])])


async def serve(folder: Path, host: str, port: int) -> None:
    """Serve the session until cancelled or told to end by a signal."""
    config = uvicorn.Config(application(folder), host=host, port=port, log_level="warning", lifespan="off", ws="none")
    await uvicorn.Server(config).serve()


class _Player:
    def __init__(self, session: Session, replies: Sequence[RecordedReply]) -> None:
        self._session = session
        self._replies = by_place(replies)
        self._names = places_by_name(replies)
        self._seen: dict[tuple[str, str], list[str]] = {}

    async def messages(self, request: Request) -> Response:
        try:
            body = await request.json()
            asked = list(body["messages"])
        except (ValueError, KeyError, TypeError):
            return _refusal("the body must be JSON with `messages`")
        role = request.headers.get("x-slipway-role", "")
        if not role:
            return _refusal("this machine plays a recorded session, which is found by the header X-Slipway-Role: it is missing")
        if role == ENTRY_ROLE and not knows_request(self._session, _first_text(asked)):
            return _refusal(
                "this machine plays a recorded session that only knows the request "
                f"{self._session.request!r}: set ANTHROPIC_API_KEY to build anything else"
            )
        place = self._place(request, role, turn=sum(message.get("role") == "assistant" for message in asked))
        reply = self._replies.get(place)
        if reply is None:
            where = f"role {role}, conversation {place.conversation}, turn {place.turn}"
            return _refusal(f"the recorded session has no answer left for {where}")
        return _answer(place, reply, streamed=bool(body.get("stream")))

    def _place(self, request: Request, role: str, turn: int) -> Place:
        """Find the conversation by its name within the run; else by the order in which the run's conversations appear."""
        run, name = (request.headers.get(header, "") for header in ("x-slipway-run", "x-slipway-conversation"))
        known = self._seen.setdefault((run, role), [])
        if name not in known:
            known.append(name)
        number = self._names.get((role, name.removeprefix(run))) or known.index(name) + 1
        return Place(role=role, conversation=number, turn=turn)


def _answer(place: Place, reply: RecordedReply, *, streamed: bool) -> Response:
    content = [block_for(part) for part in reply.parts]
    message_id = f"msg_recorded_{place.role}_{place.conversation}_{place.turn}"
    if streamed:
        return StreamingResponse(_stream(stream_events(message_id, reply, content)), media_type="text/event-stream")
    ended = {"content": content, "stop_reason": reply.stop_reason, "usage": wire_usage(reply.usage)}
    return JSONResponse(message_head(message_id, reply.model) | ended)


async def _stream(events: Sequence[tuple[str, dict[str, Any]]]) -> AsyncIterator[str]:
    for name, data in events:
        yield f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _refusal(message: str) -> Response:
    return JSONResponse({"type": "error", "error": {"type": "invalid_request_error", "message": message}}, status_code=400)


def _first_text(messages: Sequence[dict[str, Any]]) -> str:
    content = next((message.get("content", "") for message in messages if message.get("role") == "user"), "")
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content if block.get("type") == "text")
