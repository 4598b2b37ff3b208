"""The events of a streamed answer put together to one message.

The SDK's own accumulation drops a whole paid answer when the input of one call is no JSON; here it is kept, and the call says
so: its `input` is None then.
Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
from collections.abc import AsyncIterable
from typing import Any

from anthropic.types import RawMessageStreamEvent


class StreamBroken(Exception):
    """The events make no message: they are out of order, or end in the middle."""


async def whole_message(events: AsyncIterable[RawMessageStreamEvent]) -> dict[str, Any]:
    """Return the message as the API's JSON; raise StreamBroken when it is not whole."""
    message: dict[str, Any] = {}
    try:
        async for event in events:
            _take(message, event.model_dump(exclude_unset=True, by_alias=True, warnings=False))
    except LookupError as error:
        raise StreamBroken(f"its events are out of order at {error}") from error
    if message.get("stop_reason") is None:
        raise StreamBroken("the answer ended in the middle")
    return message


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
        block["input"] = json.loads(written)
    except ValueError:
        block["input"] = None
