"""Invitations: codes that let people in. Of a code a keyed digest is stored, so a copy of the registry invites nobody."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.values import Value

BYTES = 10
"""Of chance in a code: 80 bits. Together with the limit on tries a code is never guessed."""
TRIES, TRY_SECONDS = 5, 3600.0
"""So many codes one person may try within so many seconds."""

PREFIX = "join"
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: no letter that is read as another (https://www.crockford.com/base32.html)."""
LOOKALIKES = str.maketrans("oil", "011")
GAPS = re.compile(r"[\s_-]+")


class Invitation(Value):
    """One invitation; its code is known to nobody but those who were given it."""

    number: int
    note: str = ""
    uses: int = 1
    used: int = 0
    by: str
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    def counts(self, now: datetime) -> bool:
        """Tell whether somebody may still come in by it."""
        return self.revoked is None and self.used < self.uses and (self.expires is None or now < self.expires)

    def state(self, now: datetime) -> str:
        """Say in one word how it stands."""
        if self.revoked is not None:
            return "revoked"
        if self.used >= self.uses:
            return "used up"
        return "open" if self.counts(now) else "expired"


class Redeemed(StrEnum):
    """What became of a code."""

    JOINED = "joined"
    """It let the person in, now or when it was given before: a kill in between changes nothing."""
    MEMBER = "member"
    """They were let in before by another, and this one is not used up."""
    BLOCKED = "blocked"
    """The operator took their access back: no code undoes that."""
    WRONG = "wrong"
    """Nobody comes in by it: unknown, used up, expired or revoked. Which of these is not told."""


def code_of(chance: bytes) -> str:
    """Return chance as a code that fits a deep link and can be read out (https://core.telegram.org/bots/features#deep-linking)."""
    number = int.from_bytes(chance, "big")
    letters = "".join(ALPHABET[number >> shift & 31] for shift in range(len(chance) * 8 - 5, -1, -5))
    return "-".join([PREFIX, *(letters[at : at + 4] for at in range(0, len(letters), 4))])


def code_in(text: str) -> str | None:
    """Return the code that a message is, however it was typed; None when it is none."""
    word = GAPS.sub("", text.casefold())
    letters = word.removeprefix(PREFIX).translate(LOOKALIKES)
    if not word.startswith(PREFIX) or len(letters) != BYTES * 8 // 5 or not set(letters) <= set(ALPHABET):
        return None
    return "-".join([PREFIX, *(letters[at : at + 4] for at in range(0, len(letters), 4))])


def digest_of(code: str, key: str) -> str:
    """Return what is stored of a code.

    Keyed, not slow: the key lies in the data folder, so codes cannot even be tried on a registry without it; and a code has
    so much chance that a slow hash would add nothing but work for the bot at each wrong one.
    """
    return hmac.new(key.encode(), code.encode(), hashlib.sha256).hexdigest()


class Invitations(Protocol):
    """The registry's part that knows invitations."""

    async def add_invitation(
        self, digest: str, note: str, uses: int, by: str, at: datetime, expires: datetime | None
    ) -> Invitation:
        """Store it under the next number."""
        ...

    async def invitations(self) -> Sequence[Invitation]:
        """Return all, oldest first."""
        ...

    async def revoke_invitation(self, number: int, at: datetime) -> Invitation | None:
        """Let nobody in by it any more; who came in stays. None when there is none of this number."""
        ...

    async def redeem(self, digest: str, person: str, at: datetime) -> Redeemed:
        """Let the person in and count one use, in one transaction: of two for the last use one comes in."""
        ...
