"""Who may talk to the bot: by the operator's setting, by invitation, and by what the operator said of one person."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from domain.allowances import Limits, OwnLimits
from domain.errors import BadInput
from domain.values import Value

Access = Literal["open", "invite", "list"]
"""`open`: everybody. `invite`: also who has redeemed an invitation. `list`: only whom the operator named."""

CHAT = "telegram:"
"""How the registry's names of people of the messenger begin."""


class Standing(StrEnum):
    """What was decided of one person."""

    UNKNOWN = "unknown"
    """Nothing: the setting alone says whether they may come in."""
    INVITED = "invited"
    """They redeemed an invitation: it counts while invitations do."""
    ALLOWED = "allowed"
    """The operator let them in, whatever the setting is."""
    BLOCKED = "blocked"
    """The operator took their access back, whatever the setting is."""


class Member(Value):
    """What is kept of a person's access and limits."""

    name: str
    standing: Standing = Standing.UNKNOWN
    invitation: int | None = None
    """Number of the one that they redeemed first."""
    by: str = ""
    """Who decided it."""
    since: datetime | None = None
    own: OwnLimits = OwnLimits()


class Rules(Value):
    """What the operator's settings say of people."""

    access: Access = "open"
    named: frozenset[int] = frozenset()
    """Numeric ids that the settings list."""
    usual: Limits = Limits()
    """What everybody may use who has no limits of their own."""


class Entry(StrEnum):
    """What the door says to whoever is before it."""

    OPEN = "open"
    ASKS_FOR_CODE = "asks_for_code"
    CLOSED = "closed"
    BLOCKED = "blocked"


def entry(access: Access, named: bool, standing: Standing) -> Entry:
    """Say whether a person may come in; `named`: the setting lists their id. A block counts more than all else."""
    if standing is Standing.BLOCKED:
        return Entry.BLOCKED
    if access == "open" or named or standing is Standing.ALLOWED:
        return Entry.OPEN
    if access == "invite":
        return Entry.OPEN if standing is Standing.INVITED else Entry.ASKS_FOR_CODE
    return Entry.CLOSED


def person_named(word: str) -> str:
    """Return the registry's name of a person of the messenger, for `telegram:1001` or `1001`; raise BadInput for others."""
    number = word.removeprefix(CHAT)
    if not (number.isascii() and number.isdecimal()):
        raise BadInput(f"{word!r} names no person: give the numeric Telegram id, as `slipway people list` shows it")
    return f"{CHAT}{int(number)}"


class Members(Protocol):
    """The registry's part that knows who may talk to the bot."""

    async def member(self, name: str) -> Member:
        """Return what was decided of the person; of whom nothing was, the defaults."""
        ...

    async def members(self) -> Sequence[Member]:
        """Return all of whom something was decided, by name."""
        ...

    async def decide_standing(self, name: str, standing: Standing, by: str, at: datetime) -> Member:
        """Write down what the operator decided; the person's limits and invitation stay."""
        ...

    async def limit_member(self, name: str, own: OwnLimits) -> Member:
        """Put the person's own limits in the place of those that were stored; their standing stays."""
        ...
