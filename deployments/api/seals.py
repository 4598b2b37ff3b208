"""What a caller is given and brings back later, sealed: only what was made here counts; nothing is stored."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

from pydantic import ValidationError

from domain.values import Value

Sealed = TypeVar("Sealed", bound=Value)


def sealed(kind: str, what: Value, pepper: bytes) -> str:
    """Return it for its caller, in letters that go into JSON as they are; a seal of one kind is none of another."""
    text = urlsafe_b64encode(what.model_dump_json().encode()).decode().rstrip("=")
    return f"{text}.{_seal(kind, text, pepper)}"


def unsealed(kind: str, mark: str, of: type[Sealed], pepper: bytes) -> Sealed | None:
    """Return what was sealed here; None for anything else."""
    text, _, seal = mark.partition(".")
    try:
        if hmac.compare_digest(seal.encode(), _seal(kind, text, pepper).encode()):
            return of.model_validate_json(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValidationError, ValueError):  # one that an older version made
        pass
    return None


def _seal(kind: str, text: str, pepper: bytes) -> str:
    return hmac.new(pepper, f"{kind} {text}".encode(), hashlib.sha256).hexdigest()
