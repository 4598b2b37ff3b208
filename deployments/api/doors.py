"""Which routes ask for no key. The gate asks for one before all others, those that do not exist included."""

HEALTH, READY, DESCRIPTION = "/health", "/ready", "/openapi.json"

OPEN = frozenset({HEALTH, READY, DESCRIPTION})
"""Exactly these paths, and only to be read; nothing behind them says anything about anybody."""

WEBHOOK = "/github/webhook"

SIGNED = frozenset({WEBHOOK})
"""Exactly these paths, and only by POST: what is sent there is signed, and its route asks for that before it reads anything."""
