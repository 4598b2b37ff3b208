"""Browsers' sessions: the cookie that a browser shows, whose visit it is, and whether a request comes from our own page."""

from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """By what a session is known."""

    registry: DoorRegistry
    pepper: bytes
    rules: Rules


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
    return SECURE if scope.get("scheme") == "https" else NEAR


def is_private(scope: Scope) -> bool:
    """Tell whether nobody on the way can read a cookie: TLS, or loopback."""
    host = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
    try:
        return scope.get("scheme") == "https" or f".{host}".endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def is_from_our_page(scope: Scope) -> bool:
    """Tell whether the browser says that our own page sends this; one that says nothing is not believed."""
    headers = Headers(scope=scope)
    if (site := headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    return headers.get("origin") == f"{scope.get('scheme')}://{headers.get('host', '')}"


def give(answer: Response, token: str, scope: Scope) -> Response:
    """Put the cookie into the answer."""
    secure = scope.get("scheme") == "https"
    answer.set_cookie(
        cookie_name(scope), token, int(LASTS.total_seconds()), path="/", secure=secure, httponly=True, samesite="lax"
    )
    return answer


def take(answer: Response, scope: Scope) -> Response:
    """Have the browser forget the cookie."""
    secure = scope.get("scheme") == "https"
    answer.delete_cookie(cookie_name(scope), path="/", secure=secure, httponly=True, samesite="lax")
    return answer
