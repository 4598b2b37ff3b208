"""How far a conversation has come, read from its transcript alone: so nothing is forgotten when a process dies."""

import json
from collections.abc import Sequence
from itertools import takewhile

from pydantic import Field

from domain.conversations import Message, Text, ToolResult, ToolUse
from domain.roles import GIVE_UP
from domain.values import Value

TALKS = 3
"""Answers without a tool call, in a row, that end a conversation."""

INVALID = 4
"""Results handed in and refused, in a row, that end a conversation."""

REPEATS = 3
"""The same calls with the same results, in a row, that bring the nudge; once more ends the conversation."""


class Exchange(Value):
    """An answer of the model, with what it was told then."""

    answer: Message
    results: dict[str, ToolResult] = Field(description="By the id of the call")

    @property
    def calls(self) -> tuple[ToolUse, ...]:
        return tuple(part for part in self.answer.parts if isinstance(part, ToolUse))

    @property
    def signature(self) -> str:
        """Calls and results, comparable; empty when there was no call."""
        said = [(call.name, call.input, self.results[call.id].text) for call in self.calls if call.id in self.results]
        return json.dumps(said, sort_keys=True) if said else ""


def exchanges(messages: Sequence[Message]) -> tuple[Exchange, ...]:
    """Pair each answer with the results that followed it."""
    found: list[Exchange] = []
    for message in messages:
        if message.role == "assistant":
            found.append(Exchange(answer=message, results={}))
        elif found:
            results = {part.tool_use_id: part for part in message.parts if isinstance(part, ToolResult)}
            found[-1] = found[-1].model_copy(update={"results": found[-1].results | results})
    return tuple(found)


def ending_call(exchange: Exchange, hand_in: str) -> ToolUse | None:
    """Return the accepted call that ended the work, if this exchange holds one."""
    accepted = (call for call in exchange.calls if call.id in exchange.results and not exchange.results[call.id].is_error)
    return next((call for call in accepted if call.name in (hand_in, GIVE_UP)), None)


def talks(done: Sequence[Exchange]) -> int:
    """Count the last answers that called no tool."""
    return len(
        list(takewhile(lambda exchange: not exchange.calls and exchange.answer.stop_reason != "pause_turn", reversed(done)))
    )


def refused_results(done: Sequence[Exchange], hand_in: str) -> tuple[str, ...]:
    """Return what was said about each refused result."""
    return tuple(
        exchange.results[call.id].text
        for exchange in done
        for call in exchange.calls
        if call.name == hand_in and call.id in exchange.results and exchange.results[call.id].is_error
    )


def repeats(done: Sequence[Exchange]) -> int:
    """Count the last exchanges that are one and the same: 1 when the last is new, 0 when it called nothing."""
    if not done or not (last := done[-1].signature):
        return 0
    return len(list(takewhile(lambda exchange: exchange.signature == last, reversed(done))))


def stuck(done: Sequence[Exchange], hand_in: str) -> str:
    """Say why the round leads nowhere; empty while it may."""
    if talks(done) >= TALKS:
        return f"the model answered {TALKS} times without calling a tool; last: {said(done[-1].answer)}"
    refused = refused_results(done, hand_in)
    if len(refused) >= INVALID:
        return f"the model handed in {len(refused)} results that were refused; last: {refused[-1]}"
    if repeats(done) > REPEATS:
        names = ", ".join(call.name for call in done[-1].calls)
        return f"the model repeated the same call ({names}) with the same result {repeats(done)} times"
    return ""


def said(message: Message, limit: int = 300) -> str:
    """Return the beginning of a message's text."""
    return " ".join(part.text for part in message.parts if isinstance(part, Text)).strip()[:limit]
