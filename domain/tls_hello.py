"""The server name in the first message of a TLS connection, which is sent in the clear (RFC 8446, 4.1.2; RFC 6066, 3).

Content networks serve many customers from one address: without this look, a permitted name would open them all.
"""

RECORD_HEADER = 5
HANDSHAKE = 22
CLIENT_HELLO = 1
SERVER_NAME = 0


def record_length(header: bytes) -> int | None:
    """Return how many bytes follow a record's header; None when it starts no TLS handshake."""
    length = int.from_bytes(header[3:5], "big")
    return length if header[0] == HANDSHAKE and header[1] == 3 and 0 < length <= 1 << 14 else None


def server_name(hello: bytes) -> str | None:
    """Return the one host name that a ClientHello asks for; None when it has none or cannot be read."""
    try:
        return _Reader(hello).name()
    except (IndexError, ValueError):
        return None


class _Reader:
    """Takes length-prefixed fields off the front; raises ValueError where the bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def name(self) -> str | None:
        if self._number(1) != CLIENT_HELLO:
            return None
        body = _Reader(self._field(3))
        body._take(2 + 32)  # version and random
        for size in (1, 2, 1):  # session id, cipher suites, compression methods
            body._field(size)
        extensions = _Reader(body._field(2))
        while extensions._data:
            kind, content = extensions._number(2), extensions._field(2)
            if kind == SERVER_NAME:
                names = _Reader(_Reader(content)._field(2))
                is_host = names._number(1) == 0
                name = names._field(2).decode("ascii").lower()
                return name if is_host and not names._data else None
        return None

    def _take(self, size: int) -> bytes:
        if len(self._data) < size:
            raise ValueError("the message ends in the middle of a field")
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def _number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def _field(self, size: int) -> bytes:
        return self._take(self._number(size))
