"""Which routes are open to everybody. The gate asks for a key before all others, those that do not exist included."""

HEALTH, READY, DESCRIPTION = "/health", "/ready", "/openapi.json"

OPEN = frozenset({HEALTH, READY, DESCRIPTION})
"""Exactly these paths; nothing behind them says anything about anybody."""
