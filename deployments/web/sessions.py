"""Browsers' sessions: the cookie that a browser shows, whose visit it is, and whether a request comes from our own page."""

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from domain.admission import Rules
from domain.doors import DoorRegistry
from domain.visits import LASTS, TOKEN_LENGTH, Visit
from tasks.visits import known_visit

SECURE, NEAR = "__Host-slipway", "slipway-page"
"""Names of the cookie: over TLS browsers take the first from this very host alone; the other is for loopback."""
OWN, CLEAR = "Secure; SameSite=Lax", "SameSite=Lax"
FRAMED = "Secure; SameSite=None; Partitioned"
"""For the page within the one site that holds it in a frame (https://github.com/privacycg/CHIPS). That it changes something by
our forms alone does not hang on SameSite: `is_from_our_page` and the forms' tokens see to that."""


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """By what a session is known."""

    registry: DoorRegistry
    pepper: bytes
    rules: Rules
    bot_token: str = field(default="", repr=False)
    """Of the bot by whose signature Telegram names people; empty: it names nobody."""


async def session_of(scope: Scope, keeper: Keeper, now: datetime) -> Visit | None:
    """Return whose session the request carries, with its scopes; None when it carries none that counts."""
    token = token_of(scope)
    return await known_visit(token, keeper.pepper, keeper.registry, keeper.rules, now) if token else None


def token_of(scope: Scope) -> str:
    """Return what the browser shows; empty when that is nothing, not ours, or not one thing."""
    name = cookie_name(scope)
    pairs = [pair.partition("=") for line in Headers(scope=scope).getlist("cookie") for pair in line.split(";")]
    found = [value.strip() for key, _, value in pairs if key.strip() == name]
    return found[0] if len(found) == 1 and len(found[0]) == TOKEN_LENGTH and found[0].isascii() else ""


def cookie_name(scope: Scope) -> str:
    return SECURE if _is_tls(scope) else NEAR


def is_private(scope: Scope) -> bool:
    """Tell whether nobody on the way can read a cookie: TLS, or loopback."""
    host = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
    try:
        return _is_tls(scope) or f".{host}".endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def is_from_our_page(scope: Scope) -> bool:
    """Tell whether the browser says that our own page sends this; one that says nothing is not believed."""
    headers = Headers(scope=scope)
    if (site := headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    return headers.get("origin") == f"{scope.get('scheme')}://{headers.get('host', '')}"


def give(answer: Response, token: str, scope: Scope, *, framed: bool = False) -> Response:
    """Put the cookie into the answer; `framed`: it goes along inside Telegram Web too, which holds the page in a frame."""
    return _set(answer, scope, (FRAMED if framed else OWN) if _is_tls(scope) else CLEAR, token)


def take(answer: Response, scope: Scope) -> Response:
    """Have the browser forget the cookie, of either kind."""
    return _set(answer, scope)


def _set(answer: Response, scope: Scope, wanted: str = "", token: str = "") -> Response:
    """Set the cookie of the wanted kind, and have any other of its name forgotten: a browser that shows two is not known."""
    kinds = (OWN, FRAMED) if _is_tls(scope) else (CLEAR,)
    for kind in sorted(kinds, key=lambda each: each == wanted):  # the wanted one last: for old browsers the two are one
        value, seconds = (token, int(LASTS.total_seconds())) if kind == wanted else ("", 0)
        answer.headers.append("Set-Cookie", f"{cookie_name(scope)}={value}; Max-Age={seconds}; Path=/; HttpOnly; {kind}")
    return answer


def _is_tls(scope: Scope) -> bool:
    return scope.get("scheme") == "https"
