"""Talks: a person's dialogue with the Product Owner, as a session that one process at a time leads.

What a person says is queued in order, each message once, and stays queued until a turn has answered it. A turn takes the
session under a lease; each taking has a higher fence, and who carries an earlier one is refused. A turn that is begun again
and again without an end poisons its session: that is set aside, and the person goes on in a fresh one.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import Field

from domain.attachments import Attachment
from domain.errors import NeedsPerson, NoReply, TryAgain
from domain.remarks import Remark
from domain.values import Value

LEASE = 60.0
"""Seconds after which a process that gives no sign of life has lost the session to any other."""
POISON = 5
"""How often one turn is begun. A kill counts too, since a turn that kills its process gives no other sign."""
KEPT = 200
"""Messages of a session that are remembered after they were answered, so that each counts once."""


class TalkState(StrEnum):
    IDLE = "idle"
    """Nothing is asked of anybody."""
    PROCESSING = "processing"
    """A turn is at work, under a lease that has not run out."""
    AWAITING = "awaiting"
    """The person was asked something, or is shown a proposal."""


class Talk(Value):
    """How a session stands."""

    name: str
    """Whose it is, like `telegram:2001`."""
    epoch: int
    """Which of the person's sessions; a later one has a higher number."""
    turn: int
    """Number of the turn at work, or of the next one."""
    state: TalkState
    attempts: int = 0
    """How often the present turn was begun."""
    waiting: int = 0
    """Messages that no turn has answered."""

    @property
    def session(self) -> str:
        """Return its id: it stands for the run in the transcript and in the ledger."""
        return session_id(self.name, self.epoch)


class Taken(Value):
    """A session under a lease of ours."""

    talk: Talk
    fence: int


class Queued(Value):
    """What became of one message."""

    sequence: int
    answered: bool = Field(description="A turn has answered it before: nothing is left to do")


Rest = Literal[TalkState.IDLE, TalkState.AWAITING]
Move = Literal["tell", "over", "again", "aside"]


def session_id(name: str, epoch: int) -> str:
    """Return the id of a session; the same for the same person and epoch."""
    return f"{session_prefix(name)}{epoch}"


def session_prefix(name: str) -> str:
    """Return how the ids of all of a person's sessions begin."""
    return f"t-{hashlib.sha256(name.encode()).hexdigest()[:10]}-"


def account(name: str) -> str:
    """Return under which name of a project the ledger keeps what talks with this person cost until they are a project's."""
    return session_prefix(name).removesuffix("-")


def is_poisoned(attempts: int) -> bool:
    """Tell whether a turn was begun so often that its session must be the reason why it does not end."""
    return attempts > POISON


def after_failure(error: Exception, attempts: int) -> Move:
    """Say what follows a turn that raised.

    `tell`: its person is told, and the messages wait for the next one; what may pass, and what a person must mend, says
    nothing against the session. `over`: told, and the turn has ended. `again`: begun again. `aside`: the session is set aside.
    """
    if isinstance(error, NoReply):
        return "aside" if error.reason == "stuck" else "over"
    if isinstance(error, TryAgain | NeedsPerson):
        return "tell"
    if is_poisoned(attempts + 1):
        return "aside"
    return "again"


class Talks(Protocol):
    """Sessions with their queues. Each method is one atomic step."""

    async def say(
        self, name: str, key: str, text: str, at: datetime, epoch: int | None = None, files: Sequence[Attachment] = ()
    ) -> Queued:
        """Queue the message; the same key again is the same message. `epoch`: where to go on when nothing is stored."""
        ...

    async def look(self, name: str) -> Talk | None:
        """Return how the person's session stands; None when there is none."""
        ...

    async def take(self, name: str, owner: str, seconds: float = LEASE) -> Taken | None:
        """Begin the present turn once more; None when nothing waits, or another owner is at work.

        The same owner takes it over at once, with a higher fence: so does a process that comes after a killed one.
        """
        ...

    async def extend(self, taken: Taken, seconds: float = LEASE) -> None:
        """Give a sign of life; raise LeaseLost when somebody has taken the session since."""
        ...

    async def end(self, taken: Taken, upto: int, rest: Rest) -> int:
        """End the turn: messages up to `upto` are answered. Return how many wait; raise LeaseLost as `extend` does."""
        ...

    async def stop(self, taken: Taken, *, forgive: bool) -> None:
        """Give the session back without an end of the turn; with `forgive` its beginning does not count."""
        ...

    async def set_aside(self, taken: Taken) -> Talk:
        """Keep the session under another name and begin a fresh one without its messages; raise LeaseLost as `extend`."""
        ...

    async def waiting(self, name: str, epoch: int, after: int = 0) -> tuple[Remark, ...]:
        """Return what no turn of this session has answered, after that sequence, in order; () of an earlier session."""
        ...
