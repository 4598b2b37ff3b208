"""A conversation near the end of the model's window: where it is cut, and what stands for the part that is left out.

The stored transcript only grows. A summary is one more message in it, and the view is a function of the transcript, so a
restarted run sees the same summary without paying for it, and the cached prefix stays the same until the next one.
"""

from collections.abc import Sequence

from domain.conversations import Heard, Message, Summary
from domain.model_view import characters, cut, view
from domain.values import Value

WINDOW_ENDED = "model_context_window_exceeded"

ASK = (
    "The conversation is about to be shortened: everything but the task and the last steps will be replaced by what you write "
    "now. Call no tool. Write down what is needed to go on: what was done and where (files, commands, decisions and why), what "
    "was tried and did not work, what the person said, how things stand, and what comes next."
)
LOST = (
    "The earlier part of this conversation no longer fitted and was left out. The workspace holds the work: look at it first."
)

FOLLOW_UP_LIMIT = 12_000
SUMMARY_LIMIT = 24_000


class Window(Value):
    """When a summary is due, in bytes of the whole view; a token is taken to be two bytes at least."""

    limit: int = 360_000
    keep: int = 90_000
    """Bytes of the newest messages that stay as they are; the last exchange stays however long it is."""
    least_gain: int = 90_000
    """A summary that would free less is not asked for."""


def cut_at(messages: Sequence[Message], window: Window | None = None) -> int | None:
    """Return the position from which messages stay when a summary is due; None when none is, or when it would gain nothing."""
    window = window or Window()
    size, ended = sum(map(characters, view(messages))), window_ended(messages)
    if messages[-1].role == "assistant" or (size < window.limit and not ended):
        return None
    position = kept_from(messages, window)
    if position is None or ended:
        return position
    gain = size - characters(messages[0]) - sum(map(characters, messages[position:]))
    return position if gain >= window.least_gain else None


def kept_from(messages: Sequence[Message], window: Window | None = None) -> int | None:
    """Return where the newest messages begin that stay; None when nothing before them is left to sum up."""
    window = window or Window()
    before = max((part.until for message in messages for part in message.parts if isinstance(part, Summary)), default=1)
    answers = [place for place, message in enumerate(messages) if message.role == "assistant" and place > before]
    fitting = [place for place in answers if sum(map(characters, messages[place:])) <= window.keep]
    return min(fitting, default=max(answers, default=None))


def window_ended(messages: Sequence[Message]) -> bool:
    """Tell whether the last answer broke off at the end of the window, and nothing was summed up since."""
    newest = next(
        (m for m in reversed(messages) if m.role == "assistant" or any(isinstance(p, Summary) for p in m.parts)), None
    )
    return newest is not None and newest.stop_reason == WINDOW_ENDED


def summary(said: str, messages: Sequence[Message], until: int, follow_up: str) -> Summary:
    """Return the part that stands for the messages before `until`: the model's words, and what people said, as they said it."""
    remarks = [part.text for message in messages[:until] for part in message.parts if isinstance(part, Heard)]
    pieces = [
        "What happened so far, in short (the messages themselves were left out to save room):\n"
        + (cut(said.strip(), SUMMARY_LIMIT) or LOST),
        *(f"The person said during the work: {text}" for text in remarks),
        *([f"The present round began with:\n{cut(follow_up, FOLLOW_UP_LIMIT)}"] if follow_up else []),
    ]
    return Summary(until=until, text="\n\n".join(pieces))
