"""Audit: the one way in which a change of the world is written down.

True afterwards: the project's history has the line, without any secret of the project. Blocks: registry.
"""

from datetime import UTC, datetime

from domain.audit import AuditLine, is_same
from domain.registry import Registry
from tasks.redaction import redacted


async def record(
    project: str,
    actor: str,
    what: str,
    registry: Registry,
    *,
    why: str = "",
    version: int | None = None,
    at: datetime | None = None,
    once: bool = False,
) -> None:
    """Append one line. `once`: not when it is there already, at the same time `at` or, without one, at any time."""
    line = AuditLine(
        project=project, at=at or datetime.now(UTC), actor=actor, what=redacted(what), why=redacted(why), version=version
    )
    if once:
        past = await registry.history(project)
        if any(is_same(line, told) and at in (None, told.at) for told in past):
            return
    await registry.audit(line)
