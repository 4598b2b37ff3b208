"""API keys: what a caller of the HTTP API shows, what is kept of it, and what it opens.

A key is `slipway_<id>_<secret>`: the id finds its row and may be shown, the secret has 256 random bits. What is kept is an
HMAC-SHA256 of the whole key by a key of the installation that lies outside of the database. A slow hash protects what people
can think of; nobody guesses 256 random bits, and a slow one would let strangers keep the processor busy. The keyed hash does
what is left: a copy of the database proves no guess, and whoever can write rows cannot make one that opens.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.errors import BadInput
from domain.values import Value

MARK = "slipway"
PATTERN = re.compile(rf"{MARK}_([0-9a-f]{{12}})_([A-Za-z0-9_-]{{43}})", re.ASCII)
USED_EVERY = timedelta(minutes=5)
"""How old a last use may be before it is written anew: no request costs a write of its own."""
NAME_LIMIT = 80
KEY_LINES = ".keys"
"""The history's name for what is done with keys; no project can be called so."""


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"
    """Change what is the owner's; who may change may also look."""
    OPERATOR = "operator"
    """See what is anybody's; with `write`, also change it."""


class ApiKey(Value):
    """One row of the registry; the key itself is in none."""

    id: str
    name: str
    owner: str
    """Whose projects it opens, as the registry names people: `local:anna`, `telegram:1001`."""
    scopes: tuple[Scope, ...]
    digest: str
    created: datetime
    expires: datetime | None = None
    used: datetime | None = None
    """Last use, `USED_EVERY` late at most."""
    revoked: datetime | None = None
    maker: str = ""
    """Id of the key that made it; when that is revoked, so is this one. Empty: a person made it."""

    @property
    def prefix(self) -> str:
        """Return what may be shown of the key."""
        return prefix_of(self.id)

    @property
    def is_operator(self) -> bool:
        return Scope.OPERATOR in self.scopes

    def may(self, scope: Scope) -> bool:
        """Tell whether the key has the scope; reading comes with every other one."""
        return scope in self.scopes or (scope is Scope.READ and bool(self.scopes))


def checked_scopes(words: Sequence[str]) -> tuple[Scope, ...]:
    """Return the scopes; without any, to read and write. Raise BadInput for a word that is none."""
    if strange := [word for word in words if word not in tuple(Scope)]:
        raise BadInput(f"{strange[0][:40]!r} is no scope: a key has read, write, operator, or several of them")
    return tuple(dict.fromkeys(map(Scope, words))) or (Scope.READ, Scope.WRITE)


def may_give(giver: ApiKey, scopes: Sequence[Scope]) -> bool:
    """Tell whether a key may make one with these scopes: none that it has not itself."""
    return all(giver.may(scope) for scope in scopes)


def days_within(giver: ApiKey, days: float | None, now: datetime) -> float | None:
    """Return for how many days a key may last that another one makes: not longer than that one."""
    if giver.expires is None:
        return days
    left = (giver.expires - now) / timedelta(days=1)
    return left if days is None else min(days, left)


class KeyState(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


def prefix_of(id: str) -> str:
    return f"{MARK}_{id}_"


def composed(id: str, secret: str) -> str:
    """Return the key of this id and secret."""
    return f"{prefix_of(id)}{secret}"


def id_in(text: str) -> str | None:
    """Return the id in what looks like a key; None for anything else."""
    found = PATTERN.fullmatch(text)
    return found[1] if found else None


def digest_of(key: str, pepper: bytes) -> str:
    """Return what is kept of a key: HMAC-SHA256 (RFC 2104), in hex."""
    return hmac.new(pepper, key.encode(), hashlib.sha256).hexdigest()


def state_of(key: ApiKey, now: datetime) -> KeyState:
    if key.revoked is not None:
        return KeyState.REVOKED
    return KeyState.EXPIRED if key.expires is not None and key.expires <= now else KeyState.ACTIVE


def opens(key: ApiKey, digest: str, now: datetime) -> bool:
    """Tell whether what was shown, by its digest, is this key and counts."""
    return hmac.compare_digest(key.digest, digest) and state_of(key, now) is KeyState.ACTIVE


def chosen_key(rows: Sequence[tuple[str, str, bool]], which: str) -> str:
    """Return the id that is meant by this id, prefix or name, of rows with id, name and whether the key is not revoked.

    Raises BadInput when none, or more than one, is meant.
    """
    meant = [id for id, _, _ in rows if which in (id, prefix_of(id), prefix_of(id).rstrip("_"))]
    named = meant or [id for id, name, counts in rows if name == which and counts]
    if len(named) != 1:
        found = f"{len(named)} keys are named so" if named else "there is no such key"
        raise BadInput(f"{found}: `slipway keys list` shows their ids")  # who pastes a whole key is not shown it again
    return named[0]


def use_is_old(key: ApiKey, now: datetime) -> bool:
    """Tell whether the last use is to be written anew."""
    return key.used is None or now - key.used >= USED_EVERY


class Keys(Protocol):
    """What the registry knows of API keys."""

    async def add_key(self, key: ApiKey) -> None:
        """Store it; raise BadInput when the key that makes it was revoked meanwhile."""
        ...

    async def key(self, id: str) -> ApiKey | None: ...

    async def api_keys(self) -> Sequence[ApiKey]:
        """Return all, also those that count no more, oldest first.

        Not `keys`: Python takes an object with that method for a mapping, and Prefect reads through its tasks' arguments.
        """
        ...

    async def revoke_key(self, id: str, at: datetime) -> Sequence[str]:
        """Let it, and all that it made, open nothing from now on; the first time stands. Return their ids, its own first."""
        ...

    async def use_key(self, id: str, at: datetime) -> None:
        """Write down its last use."""
        ...
