"""How far a conversation has come, read from its transcript alone: so nothing is forgotten when a process dies."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import takewhile

from pydantic import Field

from domain.conversations import Message, Text, ToolResult, ToolUse
from domain.failures import normalised
from domain.roles import GIVE_UP
from domain.values import Value

INVALID = 4
"""Results handed in and refused, in one round, that end a conversation."""

WAITING = re.compile(r"\b(sleep|wait)\b")
"""Commands that wait for something: repeating them is patience."""

TESTING = re.compile(
    r"\b(pytest|unittest|tox|nox|jest|vitest|mocha|playwright test|node --test|(npm|pnpm|yarn|bun)( run)? test"
    r"|make (test|check)|go test|cargo test|mvn|gradle|robot|behave|rspec|phpunit)\b"
)
FAILED = re.compile(r"\[exit code [1-9]\d*\]\s*$")
"""How the bash tool ends the output of a command that failed."""


class Exchange(Value):
    """An answer of the model, with what it was told then."""

    answer: Message
    results: dict[str, ToolResult] = Field(description="By the id of the call")

    @property
    def calls(self) -> tuple[ToolUse, ...]:
        return tuple(part for part in self.answer.parts if isinstance(part, ToolUse))

    @property
    def commands(self) -> str:
        return "\n".join(str(call.input.get("command", "")) for call in self.calls)


class Pattern(Value):
    """Exchanges that lead nowhere: `count` of them in a row, nudged at `nudge_at`, ended at `end_at`."""

    count: int
    nudge_at: int
    end_at: int
    nudge: str
    why: str


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


def patterns(done: Sequence[Exchange], hand_in: str) -> tuple[Pattern, ...]:
    """Return what may be wrong with the last exchanges, each with how often it came in a row."""
    names = ", ".join(call.name for call in done[-1].calls) if done else ""
    return (
        Pattern(
            count=_trailing(done, _only_talks),
            nudge_at=1,
            end_at=3,  # told twice, unlike the others: an empty answer counts too, and one more call is cheaper than a person
            nudge=f"Use the tools: go on with the work, or call {hand_in} when it is done.",
            why=f"the model answered 3 times without calling a tool; last: {said(done[-1].answer) if done else ''}",
        ),
        Pattern(
            count=repeats(done),
            nudge_at=3,
            end_at=4,
            nudge="You made the same call with the same result several times. Stop, think about what that tells you, do "
            "something else. If you wait for something, wait inside the call, like `sleep 60; tail -n 5 log`.",
            why=f"the model repeated the same call ({names}) with the same result 4 times",
        ),
        Pattern(
            count=alternations(done),
            nudge_at=4,
            end_at=6,
            nudge="You go back and forth between the same two calls, and their results do not change. Say what you expect from "
            "them, and do something else.",
            why=f"the model went back and forth between the same two calls (last: {names}) with the same results 3 times",
        ),
        Pattern(
            count=same_failures(done),
            nudge_at=2,
            end_at=3,
            nudge="The tests fail exactly as they did before: what you changed had no effect on it. Read the failure once "
            "more, look at what really happens there, and try another cause before you run the tests again.",
            why="the tests failed 3 times in exactly the same way",
        ),
    )


def stuck(done: Sequence[Exchange], hand_in: str) -> str:
    """Say why the round leads nowhere; empty while it may."""
    refused = refused_results(done, hand_in)
    if len(refused) >= INVALID:
        return f"the model handed in {len(refused)} results that were refused; last: {refused[-1]}"
    return next((pattern.why for pattern in patterns(done, hand_in) if pattern.count >= pattern.end_at), "")


def nudge(done: Sequence[Exchange], hand_in: str) -> str:
    """Return what the model is told once, before a pattern ends its work; empty when nothing is wrong."""
    if done and _only_talks(done[-1]):
        return patterns(done, hand_in)[0].nudge
    return next((pattern.nudge for pattern in patterns(done, hand_in) if pattern.count == pattern.nudge_at), "")


def refused_results(done: Sequence[Exchange], hand_in: str) -> tuple[str, ...]:
    """Return what was said about each refused result."""
    return tuple(
        exchange.results[call.id].text
        for exchange in done
        for call in exchange.calls
        if call.name == hand_in and call.id in exchange.results and exchange.results[call.id].is_error
    )


def repeats(done: Sequence[Exchange]) -> int:
    """Count the last exchanges that are one and the same: 1 when the last is new, 0 when it called nothing or waited."""
    if not done or not done[-1].calls or _waits(done[-1]):
        return 0
    return _trailing(done, lambda exchange: _same(exchange, done[-1]))


def alternations(done: Sequence[Exchange]) -> int:
    """Count the last exchanges that are by turns one of two: A, B, A, B are 4; 0 when they are not, or one of them waits."""
    if len(done) < 3 or not (done[-1].calls and done[-2].calls) or _waits(done[-1]) or _waits(done[-2]):
        return 0
    if _same(done[-1], done[-2]):
        return 0
    kept = takewhile(lambda place: _same(done[place], done[place + 2]), range(len(done) - 3, -1, -1))
    return 2 + len(list(kept))


def same_failures(done: Sequence[Exchange]) -> int:
    """Count the last test runs that failed alike, whatever was done between them; 0 when the last exchange ran no test."""
    if not done or not (failure := _failure(done[-1])):
        return 0
    runs = [exchange for exchange in done if TESTING.search(exchange.commands)]
    return _trailing(runs, lambda exchange: _failure(exchange) == failure)


def said(message: Message, limit: int = 300) -> str:
    """Return the beginning of a message's text."""
    return " ".join(part.text for part in message.parts if isinstance(part, Text)).strip()[:limit]


def _trailing(done: Sequence[Exchange], holds: Callable[[Exchange], bool]) -> int:
    return len(list(takewhile(holds, reversed(done))))


def _only_talks(exchange: Exchange) -> bool:
    return not exchange.calls and exchange.answer.stop_reason != "pause_turn"


def _waits(exchange: Exchange) -> bool:
    return bool(WAITING.search(exchange.commands))


def _same(one: Exchange, other: Exchange) -> bool:
    return _asked(one) == _asked(other) and _told(one) == _told(other)


def _asked(exchange: Exchange) -> list[tuple[str, object]]:
    return [(call.name, call.input) for call in exchange.calls]


def _told(exchange: Exchange) -> list[str]:
    return [_comparable(exchange.results[call.id].text) for call in exchange.calls if call.id in exchange.results]


def _failure(exchange: Exchange) -> str:
    """Return the failed test run of the exchange, comparable; empty when no test failed in it."""
    failed = (
        exchange.results[call.id].text
        for call in exchange.calls
        if call.id in exchange.results and TESTING.search(str(call.input.get("command", "")))
    )
    return "\n".join(_comparable(text) for text in failed if FAILED.search(text))


@lru_cache(maxsize=128)
def _comparable(text: str) -> str:
    """Return the text without times, ports and the like; kept, since each turn looks at the last results again."""
    return normalised(text)
