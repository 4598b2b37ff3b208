"""Which routes are open to everybody. The gate asks who it is before all others, those that do not exist included."""

import re

HEALTH, READY, DESCRIPTION = "/health", "/ready", "/openapi.json"
LOGIN, STYLE, SCRIPT, ICON = "/login", "/page/page.css", "/page/page.js", "/page/icon.svg"
TELEGRAM = "/page/telegram.js"
LOGOUT, LOGOUT_EVERYWHERE, LANGUAGE = "/logout", "/logout/everywhere", "/language"
LOGIN_BY_LINK, LOGIN_BY_KEY, LOGIN_BY_TELEGRAM = "/login/link", "/login/key", "/login/telegram"

WEBHOOK = "/github/webhook"

OPEN = frozenset({HEALTH, READY, DESCRIPTION, LOGIN, STYLE, SCRIPT, TELEGRAM, ICON})
"""Exactly these paths, and only to be read; nothing behind them says anything about anybody."""

SIGNED = frozenset({WEBHOOK})
"""Exactly these paths, and only by POST: what is sent there is signed, and its route asks for that before it reads anything."""

PREFECT = "/v1/doors/prefect"
"""Where Caddy asks whether somebody may come to Prefect's UI: a key is taken as password too, since browsers ask for that."""

SIGNING_IN = frozenset({LOGIN_BY_LINK, LOGIN_BY_KEY, LOGIN_BY_TELEGRAM})
"""Exactly these paths may be posted to: by them a browser shows who it is."""

ABOUT_ONESELF = frozenset({LOGOUT, LOGOUT_EVERYWHERE, LANGUAGE})
"""What also somebody may post to who may change nothing."""

WITH_FILES = re.compile(r"/projects(/[^/]+/changes)?")
"""What forms with files may be posted to, by browsers that have signed in."""

FILES = "/v1/files"
"""Where a caller sends a file for a request."""

SAFE = ("GET", "HEAD", "OPTIONS")


def is_open(method: str, path: str) -> bool:
    """Tell whether the gate lets everybody through."""
    return path in OPEN if method in SAFE else method == "POST" and path in SIGNED | SIGNING_IN
