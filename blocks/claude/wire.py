"""Our conversation values as the Messages API's JSON, and back. Pure functions.

Source: https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from domain.conversations import (
    Heard,
    Image,
    Message,
    ModelCall,
    ModelReply,
    Opaque,
    Part,
    Summary,
    Text,
    ToolResult,
    ToolSpec,
    ToolUse,
)
from domain.model_view import breakpoints
from domain.remarks import as_told
from domain.usage import TokenUsage

EPHEMERAL = {"type": "ephemeral"}


def request_for(call: ModelCall) -> dict[str, Any]:
    """Return the arguments of `messages.stream`; tool choice is left free unless the call names a tool.

    The newest models refuse a forced tool, thinking settings and sampling parameters, so none is sent.
    """
    request: dict[str, Any] = {
        "model": call.model,
        "max_tokens": call.max_tokens,
        "messages": _messages(call.messages, call.stable),
        "tools": [_tool(spec) for spec in call.tools],
    }
    if call.system:
        # Tools come before the system text in the cached prefix: one mark covers both.
        request["system"] = [{"type": "text", "text": call.system, "cache_control": EPHEMERAL}]
    if call.tool_choice:
        request["tool_choice"] = {"type": "tool", "name": call.tool_choice}
    return request


def reply_from(message: dict[str, Any]) -> ModelReply:
    """Return the API's message as our value."""
    return ModelReply(
        parts=tuple(_part(block) for block in message["content"]),
        stop_reason=message["stop_reason"],
        model=message["model"],
        usage=_usage(message["usage"]),
    )


def block_for(part: Part) -> dict[str, Any]:
    """Return one part as a content block; a part that came from the service goes back exactly as it came."""
    match part:
        case Text(text=text) | Summary(text=text):
            return {"type": "text", "text": text}
        case Heard(text=text):
            return {"type": "text", "text": as_told(text)}
        case Image(media_type=media_type, base64=data):
            return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
        case ToolUse(id=id, name=name, input=given):
            return {"type": "tool_use", "id": id, "name": name, "input": given}
        case ToolResult(tool_use_id=id, text=text, is_error=is_error):
            # The API takes no empty text.
            return {"type": "tool_result", "tool_use_id": id, "content": text or "[nothing]", "is_error": is_error}
        case Opaque(raw=raw):
            return dict(raw)


def _messages(messages: Sequence[Message], stable: Sequence[int]) -> list[dict[str, Any]]:
    """Return alternating messages, marked where the cache shall be written."""
    marked = breakpoints(messages, stable)
    blocks = [(message.role, _blocks(message, mark=position in marked)) for position, message in enumerate(messages)]
    return [
        {"role": role, "content": [block for _, group in turns for block in group]}
        for role, turns in groupby(blocks, key=lambda turn: turn[0])
    ]


def _blocks(message: Message, *, mark: bool) -> list[dict[str, Any]]:
    # The API takes no blank text; a blank one says nothing, beside others or alone.
    parts = [part for part in message.parts if not isinstance(part, Text) or part.text.strip()] or [Text(text="(nothing)")]
    blocks = [block_for(part) for part in parts]
    if mark and not isinstance(parts[-1], Opaque):
        blocks[-1] = blocks[-1] | {"cache_control": EPHEMERAL}
    return blocks


def _tool(spec: ToolSpec) -> dict[str, Any]:
    if spec.type != "custom":
        return {"type": spec.type, "name": spec.name}
    return {"name": spec.name, "description": spec.description, "input_schema": spec.input_schema or {"type": "object"}}


def _part(block: dict[str, Any]) -> Part:
    match block["type"]:
        case "text" if not block.get("citations"):
            return Text(text=block["text"])
        case "tool_use":
            given = block["input"]
            whole = isinstance(given, dict)
            return ToolUse(id=block["id"], name=block["name"], input=given if whole else {}, malformed=not whole)
        case _:
            return Opaque(raw=block)


def _usage(usage: dict[str, Any]) -> TokenUsage:
    return TokenUsage(
        input=usage.get("input_tokens") or 0,
        output=usage.get("output_tokens") or 0,
        cache_read=usage.get("cache_read_input_tokens") or 0,
        cache_write=usage.get("cache_creation_input_tokens") or 0,
    )
