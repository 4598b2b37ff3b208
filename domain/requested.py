"""What was asked once: a creating call with its idempotency key, and the answer that it gets however often it comes.

As in draft-ietf-httpapi-idempotency-key-header: the same key with another request is refused, and is never answered.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from domain.values import Value

KEPT = timedelta(days=7)
"""For how long an answer is known."""


class Asked(Value):
    """One call."""

    caller: str
    """Id of the API key that made it."""
    key: str
    digest: str
    """Of method, path and body."""
    at: datetime
    status: int | None = None
    answer: dict[str, Any] | None = None
    """None until it was answered, or when it came to nothing."""


class Requested(Protocol):
    """What the registry knows of them."""

    async def ask_once(self, asked: Asked) -> Asked:
        """Store it and return what is stored: the first one of this caller and key. What is older than `KEPT` is forgotten."""
        ...

    async def answer_once(self, asked: Asked, status: int, answer: Mapping[str, Any]) -> None:
        """Store the answer; the first one stands."""
        ...
