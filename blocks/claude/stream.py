"""The events of a streamed answer put together to one message.

The SDK's own accumulation drops a whole paid answer when the input of one call is no JSON; here it is kept, and the call says
so: its `input` is None then, as it is for what could not be stored and sent back: too deep, half a character, no number.
Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
from collections.abc import AsyncIterable, Sequence
from typing import Any

from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from domain.writing import Draft, DraftCall, Writing

_INPUT = TypeAdapter(dict[str, Any])


class StreamBroken(Exception):
    """The events make no message: they are out of order, or end in the middle."""


async def whole_message(events: AsyncIterable[RawMessageStreamEvent], writing: Writing | None = None) -> dict[str, Any]:
    """Return the message as the API's JSON; raise StreamBroken when it is not whole.

    `writing` is shown what is there of it whenever a call grows.
    """
    message: dict[str, Any] = {}
    try:
        async for event in events:
            taken = event.model_dump(exclude_unset=True, by_alias=True, warnings=False)
            _take(message, taken)
            if writing is not None and taken["type"] in ("content_block_start", "content_block_delta"):
                writing.wrote(_draft(message["content"]))
    except LookupError as error:
        raise StreamBroken(f"its events are out of order at {error}") from error
    if message.get("stop_reason") is None:
        raise StreamBroken("the answer ended in the middle")
    return message


def _draft(content: Sequence[dict[str, Any]]) -> Draft:
    calls = [block for block in content if block["type"] == "tool_use"]
    return Draft(calls=tuple(DraftCall(name=call["name"], input=_written(call)) for call in calls))


def _written(call: dict[str, Any]) -> str:
    """Return what is there of a call's input, which is read when its block has ended."""
    return call["input_json"] if "input_json" in call else json.dumps(call.get("input") or {})


def _take(message: dict[str, Any], event: dict[str, Any]) -> None:
    match event["type"]:
        case "message_start":
            message.update(event["message"])
        case "content_block_start":
            message["content"].append(event["content_block"])
        case "content_block_delta":
            _grow(message["content"][event["index"]], event["delta"])
        case "content_block_stop":
            _close(message["content"][event["index"]])
        case "message_delta":
            # The counts are totals; those that are not given keep their value.
            message["usage"] |= {name: value for name, value in (event.get("usage") or {}).items() if value is not None}
            message["stop_reason"] = event["delta"]["stop_reason"]


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        case "input_json_delta":
            block["input_json"] = block.get("input_json", "") + delta["partial_json"]


def _close(block: dict[str, Any]) -> None:
    written = block.pop("input_json", "")
    if not written:
        return
    try:
        block["input"] = _INPUT.validate_json(written)
        json.dumps(block["input"], allow_nan=False)
    except ValueError:
        block["input"] = None
