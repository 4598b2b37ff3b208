"""Whether updates flow, and why not: what `/health` says."""

import time
from collections.abc import Callable

from telegram import WebhookInfo
from telegram.error import Conflict, InvalidToken, TelegramError

FRESH = 60.0
"""Seconds for which one good answer of Telegram counts."""
CONFLICTS = 2
"""Conflicts in a row that mean somebody else: one alone can be the copy before, which has just been stopped."""


class Pulse:
    """Remembers the last good answer, and what has gone wrong since."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._good: float | None = None
        self._trouble: TelegramError | None = None
        self._webhook = ""
        self._conflicts = 0

    @property
    def has_beaten(self) -> bool:
        return self._good is not None

    @property
    def is_outside(self) -> bool:
        """Tell whether the trouble lies with Telegram, the token or another program, and not with this one."""
        return self._trouble is not None or bool(self._webhook)

    def beat(self) -> None:
        """Telegram gave updates, or said that there are none."""
        self._good, self._trouble, self._webhook, self._conflicts = self._clock(), None, "", 0

    def failed(self, error: TelegramError) -> None:
        """Telegram refused, or could not be asked."""
        self._trouble = error
        self._conflicts = self._conflicts + 1 if isinstance(error, Conflict) else 0

    def look(self, info: WebhookInfo, url: str, since: float) -> None:
        """Judge what Telegram says of the webhook; errors from before `since` (a time of day) are another copy's."""
        error = info.last_error_date.timestamp() if info.last_error_date else 0.0
        if info.url != url:
            self._webhook = "another program has changed the webhook"
        elif error >= since and info.pending_update_count:
            self._webhook = f"Telegram cannot bring updates: {info.last_error_message}"
        else:
            self.beat()

    def complaint(self) -> str:
        """Return why no updates come; empty while they flow."""
        if isinstance(self._trouble, InvalidToken):
            return "Telegram does not accept the token (401 Unauthorized)"
        if self._conflicts >= CONFLICTS:
            return f"another program takes this bot's updates (409 {self._trouble})"
        if self._webhook:
            return self._webhook
        if self._good is not None and self._clock() - self._good < FRESH:
            return ""
        if self._trouble is not None:
            return f"Telegram cannot be asked for updates ({type(self._trouble).__name__}: {self._trouble})"
        if self._good is None:
            return "Telegram has not been asked for updates yet"
        return f"Telegram was not asked for updates for {self._clock() - self._good:.0f} s"
