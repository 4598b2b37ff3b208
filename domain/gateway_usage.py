"""What an answer has used, read from its bytes as they pass: server-sent events, or one JSON document.

The service says the input in `message_start` and all output in `message_delta`, at the end. A stream that is cut before has
an output that only the service knows; then it is guessed from above: two bytes of what was seen for each token, what it told of
hidden thinking, and for hidden thinking of which it told nothing, as much as a fast model makes in the time.
Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
from typing import Any

from domain.model_view import BYTES_PER_TOKEN
from domain.usage import TokenUsage

THOUGHTS_PER_SECOND = 150
"""Tokens of hidden thinking that may be made in a second."""

FIELDS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
}
SEEN = ("text", "partial_json", "thinking", "signature", "citation")
"""Parts of a delta whose bytes were made by the model."""


class Meter:
    """Counts one answer. Never raises: what cannot be read is passed all the same."""

    def __init__(self, *, streamed: bool, max_tokens: int, input_tokens: int = 0) -> None:
        self.model = ""
        """Which model answered; empty until it said so."""
        self.whole = False
        """Whether the service has said all that was used."""
        self.failed = False
        """Whether the service told of an error instead of going on."""
        self._streamed = streamed
        self._max_tokens = max_tokens
        self._input_tokens = input_tokens
        """An upper guess, for a service that does not tell it."""
        self._told: dict[str, int] = {}
        self._rest = b""
        self._seen = 0
        self._thoughts = 0
        self._hidden = False

    @property
    def started(self) -> bool:
        """Whether the model has begun to answer, so that something is to be paid."""
        return bool(self._told or self._seen)

    def feed(self, chunk: bytes) -> None:
        """Read on; a document is read when it has come as a whole."""
        if not self._streamed:
            self._rest += chunk
            return
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._event(_json(line[5:]))

    def end(self) -> None:
        """Take what has come for all that comes."""
        message = _json(self._rest) if not self._streamed else {}
        if message.get("type") == "message":
            self._message(message)
            self._seen = len(self._rest)
            self.whole = "output" in self._told

    def usage(self, seconds: float) -> TokenUsage:
        """Return what was used; `seconds` is how long the answer has taken, for what was never told."""
        told = {"input": self._input_tokens} | self._told
        if not self.whole:
            guess = -(-self._seen // BYTES_PER_TOKEN) + max(self._thoughts, self._unseen(seconds))
            told["output"] = max(told.get("output", 0), min(guess, self._max_tokens))
        return TokenUsage(**told)

    def _unseen(self, seconds: float) -> int:
        return int(seconds * THOUGHTS_PER_SECOND) if self._hidden else 0

    def _event(self, event: dict[str, Any]) -> None:
        match event.get("type"):
            case "message_start":
                self._message(_object(event.get("message")))
            case "content_block_start":
                self._hidden |= _object(event.get("content_block")).get("type") in ("thinking", "redacted_thinking")
            case "content_block_delta":
                self._delta(_object(event.get("delta")))
            case "error":
                self.failed = True
            case "message_delta":
                self._count(usage := _object(event.get("usage")))
                self.whole = usage.get(FIELDS["output"]) is not None

    def _message(self, message: dict[str, Any]) -> None:
        self.model = str(message.get("model", ""))
        self._count(_object(message.get("usage")))

    def _delta(self, delta: dict[str, Any]) -> None:
        self._seen += sum(len(str(delta[name]).encode("utf-8", "replace")) for name in SEEN if name in delta)
        if delta.get("type") == "thinking_delta":
            self._hidden &= not delta.get("thinking")
            self._thoughts += _number(delta.get("estimated_tokens"))

    def _count(self, usage: dict[str, Any]) -> None:
        """Take over the numbers that are told: later ones are of the whole answer up to then."""
        self._told |= {field: _number(usage[name]) for field, name in FIELDS.items() if usage.get(name) is not None}


def _json(text: bytes) -> dict[str, Any]:
    try:
        return _object(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
