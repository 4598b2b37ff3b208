"""Host names: what one looks like."""

from typing import Annotated

from pydantic import StringConstraints

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

HOST_PATTERN = rf"^{_LABEL}(\.{_LABEL})*$"
"""DNS labels (RFC 1123) with dots between, in lower case."""

HostName = Annotated[str, StringConstraints(pattern=HOST_PATTERN, max_length=253)]
