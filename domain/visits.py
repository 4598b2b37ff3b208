"""Visits: browsers that have signed in, and the links by which they do.

Both are 256 random bits that are shown once; what is kept of them is an HMAC by the installation's key, as of API keys.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.keys import ApiKey, Scope
from domain.values import Value

LASTS = timedelta(hours=24)
"""After so long somebody signs in again."""
LINK_LASTS = timedelta(minutes=10)
KEPT = timedelta(days=7)
"""Rows are forgotten so long after they count no more: later than anything is believed that could begin them again."""
TOKEN_LENGTH = 43
CALLER = "visit-"
"""How the id begins of what the API takes a browser for; no key's does."""


class Visit(Value):
    """One browser that has signed in; what it shows is in no row."""

    digest: str
    owner: str
    """Whose projects it opens, as the registry names people."""
    scopes: tuple[Scope, ...]
    proof: str
    """Digest of what it was begun with: nothing begins two."""
    key: str = ""
    """Id of the API key that was typed in; with that the visit ends. Empty: it was begun otherwise."""
    created: datetime
    expires: datetime
    ended: datetime | None = None

    def counts(self, now: datetime) -> bool:
        return self.ended is None and now < self.expires

    def as_caller(self) -> ApiKey:
        """Return what the API takes it for: a key of its owner that nobody has to type."""
        return ApiKey(
            id=f"{CALLER}{self.digest[:16]}",
            name="a browser",
            owner=self.owner,
            scopes=self.scopes,
            digest="",
            created=self.created,
            expires=self.expires,
        )


class LoginLink(Value):
    """A link that signs its person in once."""

    digest: str
    owner: str
    scopes: tuple[Scope, ...]
    created: datetime
    expires: datetime
    used: datetime | None = None

    def counts(self, now: datetime) -> bool:
        return self.used is None and now < self.expires


def visit_digest(token: str, pepper: bytes) -> str:
    """Return what is kept of a browser's token."""
    return _digest("visit", token, pepper)


def link_digest(code: str, pepper: bytes) -> str:
    """Return what is kept of a link's code."""
    return _digest("link", code, pepper)


def proof_digest(word: str, pepper: bytes) -> str:
    """Return what is kept of that with which somebody signed in."""
    return _digest("proof", word, pepper)


def form_token(token: str, pepper: bytes) -> str:
    """Return what the forms of this browser carry; who knows its cookie alone can make it."""
    return _digest("form", token, pepper)


def _digest(what: str, secret: str, pepper: bytes) -> str:
    """HMAC-SHA256 (RFC 2104), in hex; each kind of secret in a space of its own, and none in that of API keys."""
    return hmac.new(pepper, f"{what}:{secret}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class Visits(Protocol):
    """What the registry knows of visits and links."""

    async def add_link(self, link: LoginLink) -> None: ...

    async def login_link(self, digest: str) -> LoginLink | None: ...

    async def begin_visit(self, visit: Visit, link: str | None = None) -> bool:
        """Store it, and use the link of this digest up by it; False, and nothing, when its proof or the link was used."""
        ...

    async def visit(self, digest: str) -> Visit | None: ...

    async def end_visit(self, digest: str, at: datetime) -> None:
        """Let it open nothing from now on; the first time stands."""
        ...

    async def end_visits(self, owner: str, at: datetime) -> int:
        """End all of this owner's, and the links that were made for them; return how many visits that were."""
        ...

    async def visits(self, owner: str) -> Sequence[Visit]:
        """Return all of this owner's that are kept, oldest first."""
        ...
