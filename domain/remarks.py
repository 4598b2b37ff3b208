"""What a person says while a run is at work."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from domain.attachments import Attachment
from domain.conversations import Heard, Image, Message
from domain.errors import BadInput
from domain.trimming import plain
from domain.values import Value

REMARK_LIMIT = 4_000
"""Characters of one remark: it stays in the conversation to its end."""


class Remark(Value):
    """One row of the registry; `sequence` counts from 1 in each run."""

    run: str
    sequence: int
    at: datetime
    person: str
    text: str
    files: tuple[Attachment, ...] = ()
    """What came with it."""
    pictures: tuple[Image, ...] = ()
    """Those of the files that a model is to see."""


class Remarks(Protocol):
    """Where remarks wait for the agents of a run."""

    async def remarks(self, run: str, after: int = 0) -> Sequence[Remark]:
        """Return the run's remarks with a sequence above `after`, in order."""
        ...


def checked_remark(text: str) -> str:
    """Return the remark as it is kept; raise BadInput when it is empty or too long."""
    words = plain(text).strip()
    if not words:
        raise BadInput("the remark is empty: say in a sentence what the agent shall know")
    if len(words) > REMARK_LIMIT:
        raise BadInput(f"the remark has {len(words):,} characters and at most {REMARK_LIMIT:,} are read: say it shorter")
    return words


def last_heard(messages: Iterable[Message]) -> int:
    """Return the sequence of the newest remark that the conversation holds; 0 for none."""
    return max((part.sequence for message in messages for part in message.parts if isinstance(part, Heard)), default=0)


def heard_parts(remark: Remark) -> tuple[Heard | Image, ...]:
    """Return the remark as it stands in a conversation, its pictures after it."""
    return (Heard(sequence=remark.sequence, text=remark.text, files=remark.files), *remark.pictures)


def as_told(text: str) -> str:
    """Return a remark in the words in which an agent reads it."""
    return f"The person whose request this is says now:\n<remark>\n{text}\n</remark>\nTake it into account from here on."
