"""How the page is made: templates that escape everything, the person's language, and headers that let in nothing foreign."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from deployments.api.access import House, house_of
from deployments.api.doors import ICON, SCRIPT, STYLE, TELEGRAM
from deployments.web.sessions import token_of
from deployments.wording.texts import LANGUAGES, say, spoken
from domain.visits import Visit, form_token

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors "
)
"""No inline script or style, and nothing of other hosts: also not Telegram's script, of which the page needs nothing."""
TELEGRAM_WEB = "https://web.telegram.org"
"""It alone may hold the page in a frame, where Mini Apps are; by this word browsers pass over `X-Frame-Options`."""
ASSETS = {
    STYLE: ("page.css", "text/css"),
    SCRIPT: ("page.js", "text/javascript"),
    TELEGRAM: ("telegram.js", "text/javascript"),
    ICON: ("icon.svg", "image/svg+xml"),
}


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the templates; a name that they do not know is an error, and every value is escaped."""
    made = Environment(
        loader=PackageLoader("deployments.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset=asset)
    return made


@lru_cache(maxsize=4)
def content_of(path: str) -> bytes:
    """Return a file that the page's HTML names."""
    return (files("deployments.web") / "static" / ASSETS[path][0]).read_bytes()


def asset(path: str) -> str:
    """Return the address of this very version of a file."""
    return f"{path}?v={hashlib.sha256(content_of(path)).hexdigest()[:12]}"


async def screen(request: Request, name: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """Return a page in the language of whoever looks at it."""
    house, language = house_of(request), await language_of(request)
    visit: Visit | None = getattr(request.state, "visit", None)
    known: Mapping[str, Any] = {
        "t": partial(say, language),
        "language": language,
        "visit": visit,
        "form": form_token(token_of(request.scope), house.pepper) if visit else "",
        "path": request.url.path,
        "style": STYLE,
        "script": SCRIPT,
        "icon": ICON,
        "telegram": TELEGRAM if house.bot_token else "",
    }
    html = environment().get_template(f"{name}.html").render({**known, **facts})
    headers = {
        "Content-Security-Policy": POLICY + (TELEGRAM_WEB if house.bot_token else "'none'"),
        "Referrer-Policy": "same-origin",  # with `no-referrer` browsers name no origin for forms, and ours are known by it
        "Cache-Control": "no-store",
    }
    return HTMLResponse(html.encode("utf-8", "replace"), status, headers=headers)


async def language_of(request: Request) -> str:
    """Return what the person chose, else the first language of their browser that ships."""
    usual = preferred(request.headers.get("accept-language", ""))
    visit: Visit | None = getattr(request.state, "visit", None)
    house: House = house_of(request)
    return spoken((await house.registry.person(visit.owner)).speaks(usual)) if visit else usual


def preferred(header: str) -> str:
    """Return the language that ships and that `Accept-Language` (RFC 9110, 12.5.4) likes most; English when none does."""
    liked: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            liked.append((float(weight or 1), tag.strip().lower().split("-")[0]))
        except ValueError:
            continue
    ships = [(weight, tag) for weight, tag in liked if tag in LANGUAGES and weight > 0]
    return max(ships, key=lambda each: each[0])[1] if ships else "en"
