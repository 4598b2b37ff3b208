"""A recorded model session: what a model said, by role, conversation and turn, so that it can be played again.

On disk: a folder with `session.json` (Session) and `replies.jsonl` (one RecordedReply a line).
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from domain.conversations import Message, ModelCall, ModelReply, Part, Text
from domain.usage import TokenUsage
from domain.values import Value

SESSION_FILE = "session.json"
REPLIES_FILE = "replies.jsonl"


class Session(Value):
    """What was recorded."""

    title: str
    request: str = Field(description="The person's words that it answers")
    recorded: str = Field(description="Date, and with which model")
    note: str = ""


class RecordedReply(Value):
    """One answered call."""

    role: str
    conversation: str
    turn: int
    asked: str = Field(default="", description="Digest of the request's last user text; for people who compare sessions")
    model: str
    stop_reason: str
    parts: tuple[Part, ...]
    usage: TokenUsage


class Place(Value):
    """Where in a session an answer belongs: the nth conversation of a role, and its turn."""

    role: str
    conversation: int
    turn: int


def recorded(call: ModelCall, reply: ModelReply) -> RecordedReply:
    """Return the line to keep of an answered call; it holds no key and nothing of the request but a digest."""
    return RecordedReply(
        role=call.role,
        conversation=call.conversation,
        turn=call.turn,
        asked=hashlib.sha256(_last_user_text(call.messages).encode()).hexdigest()[:16],
        model=reply.model,
        stop_reason=reply.stop_reason,
        parts=reply.parts,
        usage=reply.usage,
    )


def _last_user_text(messages: Sequence[Message]) -> str:
    users = [message for message in messages if message.role == "user"]
    return "\n".join(part.text for part in users[-1].parts if isinstance(part, Text)) if users else ""


def by_place(replies: Sequence[RecordedReply]) -> dict[Place, RecordedReply]:
    """Order the replies: conversations of a role by first appearance; the last of two answers to one turn counts."""
    numbers = _numbers(replies)
    return {Place(role=r.role, conversation=numbers[r.role, r.conversation], turn=r.turn): r for r in replies}


def places_by_name(replies: Sequence[RecordedReply]) -> dict[tuple[str, str], int]:
    """Return the number of a conversation by its role and its name without the run, like `/developer`."""
    return {
        (role, name[name.find("/") :]): number for (role, name), number in reversed(_numbers(replies).items()) if "/" in name
    }


def _numbers(replies: Sequence[RecordedReply]) -> dict[tuple[str, str], int]:
    names: dict[str, list[str]] = {}
    for reply in replies:
        if reply.conversation not in names.setdefault(reply.role, []):
            names[reply.role].append(reply.conversation)
    return {(role, name): number for role, known in names.items() for number, name in enumerate(known, 1)}


def knows_request(session: Session, text: str) -> bool:
    """Tell whether `text` holds the session's request, whatever the white space."""
    return _words(session.request) in _words(text)


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def stream_events(message_id: str, reply: RecordedReply, content: Sequence[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return a reply as the events of a stream, in their published order.

    `content` is the reply as the Messages API's own blocks.
    Source: https://platform.claude.com/docs/en/build-with-claude/streaming
    """
    usage = wire_usage(reply.usage)
    head = message_head(message_id, reply.model) | {"usage": usage | {"output_tokens": 1}}
    events: list[tuple[str, dict[str, Any]]] = [("message_start", {"message": head}), ("ping", {})]
    for index, block in enumerate(content):
        events += _block_events(index, block)
    ended = {"stop_reason": reply.stop_reason, "stop_sequence": None}
    events.append(("message_delta", {"delta": ended, "usage": {"output_tokens": reply.usage.output}}))
    events.append(("message_stop", {}))
    return [(name, {"type": name, **data}) for name, data in events]


def message_head(message_id: str, model: str) -> dict[str, Any]:
    """Return the beginning of an answer, without content."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def wire_usage(usage: TokenUsage) -> dict[str, int]:
    """Return usage under the API's names."""
    return {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
    }


def _block_events(index: int, block: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    start, deltas = dict(block), list[dict[str, Any]]()
    match block["type"]:
        case "text":
            start["text"] = ""
            deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
        case "tool_use":
            start["input"] = {}
            pieces = _pieces(json.dumps(block["input"], ensure_ascii=False))
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]
        case "thinking":
            start |= {"thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
    changes = [("content_block_delta", {"index": index, "delta": delta}) for delta in deltas]
    return [
        ("content_block_start", {"index": index, "content_block": start}),
        *changes,
        ("content_block_stop", {"index": index}),
    ]


def _pieces(text: str, size: int = 400) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]
