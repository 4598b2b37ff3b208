"""What webhooks of GitHub are known by, and how their bodies are read while nobody knows who sends them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deployments.data_folder import DataFolder

SENDING = 10.0
"""Seconds that a sender has for its body; GitHub itself gives up after so many."""
SENDERS, ROOM = 256, 48 * 1024 * 1024
"""So many bodies, and bytes of them together, are read at once."""


class Readers:
    """The bodies that are being read, oldest first.

    Who sends one is known only when it is there, and nobody by an address: anybody can have GitHub send what is not for us.
    So nobody waits for another. Where there are too many, or too much, the oldest is cut off: GitHub itself sends in one go.
    """

    def __init__(self, senders: int = SENDERS, room: int = ROOM, seconds: float = SENDING) -> None:
        self._senders, self._room, self._seconds = senders, room, seconds
        self._held: dict[asyncio.Timeout, int] = {}

    async def read(self, chunks: AsyncIterator[bytes]) -> bytes:
        """Return all of a body; raise TimeoutError when it does not come in time, or had to give way."""
        body = bytearray()
        async with asyncio.timeout(self._seconds) as sending:
            self._held[sending] = 0
            try:
                async for chunk in chunks:
                    body += chunk
                    if sending in self._held:
                        self._held[sending] = len(body)
                    self._make_room()
            finally:
                self._held.pop(sending, None)
        return bytes(body)

    def _make_room(self) -> None:
        while len(self._held) > self._senders or sum(self._held.values()) > self._room:
            oldest = next(iter(self._held))
            del self._held[oldest]
            if not oldest.expired():  # else its time was over just now, and it goes by itself
                oldest.reschedule(asyncio.get_running_loop().time())


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Without a secret nothing is believed."""

    secret: bytes = field(default=b"", repr=False)
    label: str = "slipway"
    """Which label makes an issue a request."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    readers: Readers = field(default_factory=Readers)


def hook_secret(folder: DataFolder) -> str:
    """Return the secret that GitHub signs with, made when it is first asked for; a 0600 file of the data folder."""
    return folder.kept("github.webhook", secrets.token_hex(32))
