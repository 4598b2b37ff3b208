"""Webhooks of GitHub: whose they are, whether they are new, and what of them is written down.

A delivery is signed over its body alone, by HMAC-SHA256 (GitHub's documentation: "Validating webhook deliveries"). Its id is
not: who has caught one could send it again under another. So what counts once is the body, by its digest; and when rows are
forgotten, what a body says of its own time is too old to be taken for new.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.heard import Heard
from domain.values import Value

BODY_LIMIT = 3 * 1024 * 1024
"""Bytes of one delivery: a push names at most 2,048 commits, each with its files. GitHub itself sends up to 25 MB."""
WINDOW = timedelta(days=3)
"""How old what a delivery tells of may be: GitHub sends one again for three days when it is asked to.

So long it is tried again as well, where what it needs is away.
"""
AHEAD = timedelta(minutes=15)
"""How far clocks may differ."""
KEPT = WINDOW + timedelta(days=4)
"""How long a delivery is known."""
AT_ONCE = 200
"""So many open deliveries are looked at together."""

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_EVENT = re.compile(r"[a-z_]{1,40}", re.ASCII)


class Webhook(Value):
    """One delivery: a row of the registry, written before anything is done."""

    id: str
    """GitHub's id of it, the same when it is sent again."""
    digest: str
    """SHA-256 of the body, in hex."""
    event: Heard
    at: datetime
    handled: datetime | None = None
    outcome: str = ""
    """What came of it, one sentence."""
    tries: int = 0


def is_signed(shown: Sequence[str], body: bytes, secret: bytes) -> bool:
    """Tell whether exactly one signature was shown, and is the body's; in a time that tells nothing of the right one."""
    found = _SIGNATURE.fullmatch(shown[0]) if len(shown) == 1 else None
    right = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return found is not None and hmac.compare_digest(found[1], right)


def looks_signed(shown: Sequence[str]) -> bool:
    """Tell whether it is worth reading a body for what was shown."""
    return len(shown) == 1 and _SIGNATURE.fullmatch(shown[0]) is not None


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def names_delivery(id: str, event: str) -> bool:
    """Tell whether these are an id and a kind of event as GitHub makes them."""
    return bool(_ID.fullmatch(id) and _EVENT.fullmatch(event))


def is_late(happened: datetime, now: datetime) -> bool:
    """Tell whether what is told of is too old, or too far ahead, to be new."""
    return not now - WINDOW <= happened <= now + AHEAD


class Webhooks(Protocol):
    """What the registry knows of deliveries."""

    async def hear(self, webhook: Webhook) -> bool:
        """Store it; False when its id or its body is known. What is older than `KEPT` is forgotten."""
        ...

    async def unhandled(self) -> Sequence[Webhook]:
        """Return what nothing has come of yet, oldest first, `AT_ONCE` at most: before all what was tried least often."""
        ...

    async def try_webhook(self, id: str) -> int:
        """Count one more try, and return how many there were with it."""
        ...

    async def settle_webhook(self, id: str, outcome: str, at: datetime) -> None:
        """Write down what came of it; the first outcome stands."""
        ...
