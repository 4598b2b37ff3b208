"""What webhooks of GitHub are known by, and how many are read at once."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deployments.data_folder import DataFolder

READERS = 16
"""So many bodies are read at once: each may be large, and who sends it is not known before it is read."""


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Without a secret nothing is believed."""

    secret: bytes = field(default=b"", repr=False)
    label: str = "slipway"
    """Which label makes an issue a request."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    readers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READERS))


def hook_secret(folder: DataFolder) -> str:
    """Return the secret that GitHub signs with, made when it is first asked for; a 0600 file of the data folder."""
    return folder.kept("github.webhook", secrets.token_hex(32))
