"""What a model sees of a conversation: outputs cut to a known length, old outputs masked, summaries in the place of what they
sum up, cache breakpoints as positions.

The stored transcript is never changed. The view is a pure function of it, so a restarted run sends the same bytes.

Masking goes in steps: a boundary moves only when the view grows past a threshold, and then far enough to pay for the cache
that it throws away. The newest models bind a thinking block to the exact messages before it and refuse it after any of them
changed, but let the oldest thinking blocks be left out; so each move also drops the thinking written before it.
Source: https://platform.claude.com/docs/en/models/fable-5-1/migration-guide (history edits and thinking blocks).
"""

from collections.abc import Sequence
from itertools import groupby

from domain.conversations import Heard, Image, Message, ModelCall, Opaque, Part, Summary, Text, ToolResult
from domain.values import Value

OUTPUT_LIMIT = 16_000
"""Characters of one tool result."""

MESSAGE_LIMIT = 64_000
"""Characters of all results of one message, so that many calls in one answer cannot fill the window at once."""

LEAST_OUTPUT = 1_000

MASKED = "[old output left out to save room; run the call again if you need it]"

BYTES_PER_TOKEN = 2
"""A low guess (English and code run at 3 to 4 on current tokenizers), so that a reservation is not below the real cost."""

IMAGE_TOKENS = 5_000


class Masking(Value):
    """When old tool outputs go, in characters of the whole view."""

    threshold: int = 240_000
    keep_last: int = 8
    """Messages with tool results that are never masked."""
    least_gain: int = 100_000
    """A step that would free less is not taken: it would cost the cache and bring nothing."""


def cut(text: str, limit: int = OUTPUT_LIMIT) -> str:
    """Keep head and tail of a long text and mark what is left out; the result is at most `limit` characters."""
    if len(text) <= limit:
        return text
    mark = f"\n[... {len(text)} characters, the middle left out: ask for less, with head, tail, grep or view_range ...]\n"
    room = max(limit - len(mark), 0)
    head, tail = room * 3 // 5, room - room * 3 // 5
    return (text[:head] + mark + text[len(text) - tail :])[:limit]


def output_limit(calls: int) -> int:
    """Return the characters that each result has when an answer makes so many calls."""
    return max(min(OUTPUT_LIMIT, MESSAGE_LIMIT // max(calls, 1)), LEAST_OUTPUT)


def view(messages: Sequence[Message], masking: Masking | None = None) -> tuple[Message, ...]:
    """Return the messages as they are sent: old tool outputs masked, thinking that no longer fits its past left out."""
    messages = _summed_up(messages)
    boundaries = _boundaries(messages, masking or Masking())
    now = boundaries[-1] if boundaries else 0
    return tuple(
        _seen(message, masked=position < now, thinking=boundaries[position] == now) for position, message in enumerate(messages)
    )


def refuses_thinking(refusal: str) -> bool:
    """Tell whether the service refused a request for thinking that no longer fits: another prompt, another model."""
    return "thinking" in refusal and any(sign in refusal for sign in ("bound to", "signature", "cannot be modified"))


def too_long(refusal: str) -> bool:
    """Tell whether the service refused a request because it does not fit into the model's window."""
    return any(
        sign in refusal
        for sign in ("prompt is too long", "exceed context limit", "request_too_large", "too many tokens", "(413)")
    )


def without_thinking(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages without any thinking, which is always allowed."""
    return tuple(_seen(message, masked=False, thinking=False) for message in messages)


def own_thinking(messages: Sequence[Message], model: str) -> tuple[Message, ...]:
    """Return the messages without the thinking of other models: each can only read its own."""
    return tuple(
        _seen(message, masked=False, thinking=message.payment is None or message.payment.model == model) for message in messages
    )


def stable_ends(messages: Sequence[Message], masking: Masking | None = None) -> tuple[int, ...]:
    """Return the positions in the view up to which it stays the same when masking moves on: where the cache is worth a mark.

    One from the last move on, and right at a move the one before too, which is where the cache is then read.
    """
    seen = _summed_up(messages)
    moves = list(dict.fromkeys(_boundaries(seen, masking or Masking())))
    users = [place for place, message in enumerate(seen) if message.role == "user"]
    just_moved = len(users) > 1 and _boundaries(seen[: users[-1]], masking or Masking())[-1] != moves[-1]
    wanted = moves[-2:] if just_moved else moves[-1:]
    return tuple(max(place for place in users if place < move) for move in wanted if move > 0)


def breakpoints(messages: Sequence[Message], stable: Sequence[int] = ()) -> tuple[int, ...]:
    """Return the positions of at most three messages after which the cache shall be written: `stable` ones, and the end of
    the last two turns of ours.

    The turn before the last is where the previous request wrote, so it is found again however long the answer was. Right at
    a move of the masking that is gone, and its mark is given to the stable end.
    """
    turns = groupby(enumerate(messages), key=lambda turn: turn[1].role)
    ends = [list(turn)[-1][0] for role, turn in turns if role == "user"][-2:]
    return tuple(sorted({*stable, *(ends[-1:] if len(stable) > 1 else ends)}))


def estimated_tokens(call: ModelCall) -> int:
    """Return an upper guess of the call's input tokens."""
    tools = sum(len(tool.model_dump_json()) + 1_000 for tool in call.tools)
    size = len(call.system.encode()) + tools + sum(_bytes(part) for message in call.messages for part in message.parts)
    images = sum(isinstance(part, Image) for message in call.messages for part in message.parts)
    return size // BYTES_PER_TOKEN + images * IMAGE_TOKENS + 500


def _summed_up(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Put the last summary beside the task, in the place of what it sums up; thinking from before it fits no longer."""
    found = [(place, part) for place, message in enumerate(messages) for part in message.parts if isinstance(part, Summary)]
    if not found:
        return tuple(messages)
    at, summary = found[-1]
    first = messages[0].model_copy(update={"parts": (*messages[0].parts, summary)})
    return (first, *without_thinking(messages[summary.until : at]), *messages[at + 1 :])


def _boundaries(messages: Sequence[Message], masking: Masking) -> list[int]:
    """Return for each message the boundary that held when it was written: results before it were masked."""
    boundary, size, found = 0, 0, []
    results: list[int] = []
    for position, message in enumerate(messages):
        found.append(boundary)
        size += characters(message)
        if any(isinstance(part, ToolResult) for part in message.parts):
            results.append(position)
        if message.role == "user" and size > masking.threshold and len(results) > masking.keep_last:
            wanted = results[-masking.keep_last]
            gain = sum(_gain(old) for old in messages[boundary:wanted])
            if gain >= masking.least_gain:
                boundary, size = wanted, size - gain
                found[-1] = boundary
    return found


def _seen(message: Message, *, masked: bool, thinking: bool) -> Message:
    parts = tuple(_masked(part) if masked else part for part in message.parts if thinking or not isinstance(part, Opaque))
    return message.model_copy(update={"parts": parts or (Text(text="(thinking)"),)})


def _masked(part: Part) -> Part:
    if isinstance(part, ToolResult) and len(part.text) > len(MASKED):
        return part.model_copy(update={"text": MASKED})
    return part


def _gain(message: Message) -> int:
    return sum(max(len(part.text) - len(MASKED), 0) for part in message.parts if isinstance(part, ToolResult))


def characters(message: Message) -> int:
    """Return the size of a message in bytes, pictures left out."""
    return sum(_bytes(part) for part in message.parts)


def _bytes(part: Part) -> int:
    match part:
        case Text(text=text) | ToolResult(text=text) | Heard(text=text) | Summary(text=text):
            return len(text.encode("utf-8", "replace"))
        case Image():
            return 0
        case _:
            return len(part.model_dump_json())
