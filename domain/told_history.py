"""A transcript in the words in which an agent reads it that did not lead it."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from domain.conversations import Heard, Image, Message, Part, Summary, Text, ToolResult, ToolUse
from domain.model_view import view

HEAD = (
    "The conversation so far follows, one JSON object a line, oldest first; `from` says whose words a line holds. "
    "Calls of yours that stand there are done: do not make them again. Go on after the last line.\n"
)
UNSEEN = "(a picture, which cannot be shown to you: ask the person what it shows, if that matters)"


def history(messages: Sequence[Message]) -> str:
    """Return the conversation as text: summed up and masked as a model is shown it, without anybody's thinking."""
    lines = (json.dumps(line, ensure_ascii=False) for message in view(messages) for line in _lines(message))
    return HEAD + "\n".join(lines)


def _lines(message: Message) -> Iterator[dict[str, Any]]:
    for part in message.parts:
        if (line := _line(part, message.role)) is not None:
            yield line


def _line(part: Part, role: str) -> dict[str, Any] | None:
    match part:
        case Text(text=text) | Summary(text=text):
            return {"from": "you" if role == "assistant" else "slipway", "text": text}
        case Heard(text=text):
            return {"from": "person", "text": text}
        case Image():
            return {"from": "person", "text": UNSEEN}
        case ToolUse(name=name, input=given):
            return {"from": "you", "call": name, "input": given}
        case ToolResult(text=text, is_error=is_error):
            return {"from": "tool", "error" if is_error else "result": text}
    return None
