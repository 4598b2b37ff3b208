"""Audit lines: who changed what of the world, which version of it, when and why."""

from datetime import datetime

from domain.values import Value

SLIPWAY = "slipway"
"""Who does what no person asked for."""
JANITOR = "janitor"


class AuditLine(Value):
    """One change; nothing ever alters or removes it, and it outlives its project."""

    project: str
    at: datetime
    actor: str
    what: str
    why: str = ""
    version: int | None = None
    """Of what was changed: a release's number, a secret's version; None of what has none."""


def is_same(one: AuditLine, other: AuditLine) -> bool:
    """Tell whether both lines tell of the same change, however often it was told."""
    return one.model_copy(update={"at": other.at}) == other
