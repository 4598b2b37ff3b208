"""What Caddy's access log says: who asked for what host, which copy answered, how it ended."""

from datetime import UTC, datetime

from pydantic import BaseModel, ValidationError

from domain.values import Value

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
"""https://www.rfc-editor.org/rfc/rfc9110#name-safe-methods"""


class Answered(Value):
    """One request that was answered."""

    at: datetime
    """When the answer was complete."""
    host: str
    """In lower case, without port."""
    method: str = ""
    """Of the request; empty when the log does not say it."""
    upstream: str
    """`host:port` of the copy that answered, or was tried last; empty when no app was asked."""
    status: int
    """0 when the visitor went away before there was one."""
    seconds: float

    @property
    def may_write(self) -> bool:
        """Tell whether the request was of another kind than those that by HTTP's rules change nothing."""
        return self.method not in SAFE


class _Request(BaseModel):
    host: str
    method: str = ""


class _Line(BaseModel):
    """The part that is read of a line (https://caddyserver.com/docs/logging)."""

    ts: float
    request: _Request
    status: int
    duration: float
    upstream: str = ""


def answered(line: bytes) -> Answered | None:
    """Return what a line of the log says; None for what is no such line."""
    try:
        read = _Line.model_validate_json(line)
        at = datetime.fromtimestamp(read.ts, UTC)
    except (ValidationError, ValueError, OverflowError):
        return None
    host = read.request.host.lower()
    host = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return Answered(
        at=at, host=host, method=read.request.method, upstream=read.upstream, status=read.status, seconds=read.duration
    )
