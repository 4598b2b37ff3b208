"""Host names: what one looks like, and the address that leads there."""

from typing import Annotated

from pydantic import StringConstraints

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

HOST_PATTERN = rf"^{_LABEL}(\.{_LABEL})*$"
"""DNS labels (RFC 1123) with dots between, in lower case."""

HostName = Annotated[str, StringConstraints(pattern=HOST_PATTERN, max_length=253)]


def web_address(host: str, port: int, *, tls: bool) -> str:
    """Return the address under which people reach the host; the port is left out where it goes without saying."""
    scheme, usual = ("https", 443) if tls else ("http", 80)
    return f"{scheme}://{host}" + ("" if port == usual else f":{port}")
