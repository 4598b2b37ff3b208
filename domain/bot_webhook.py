"""Our own bot's webhook: where Telegram brings updates, and by what they are known to be Telegram's."""

import hashlib
import hmac
from urllib.parse import urlsplit

from domain.hosts import web_address
from domain.routes import Route
from domain.values import Value

LABEL = "bot"
"""Below the base domain; no new project may be called so."""
ROUTE = "-bot"
"""Name of its route; no project's begins with a dash."""
PATH = "/telegram"
PORTS = (443, 80, 88, 8443)
"""To which Telegram brings updates (https://core.telegram.org/bots/api#setwebhook)."""
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  (a name)


class Webhook(Value):
    """Where Telegram brings updates, and the port of loopback on which the bot takes them."""

    url: str
    port: int

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path or "/"

    @property
    def route(self) -> Route:
        return Route(project=ROUTE, hosts=(self.host,), upstream=f"127.0.0.1:{self.port}")


def webhook_url(wanted: str, base_domain: str, port: int, *, tls: bool) -> str:
    """Return the address that Telegram is given: the one that was chosen, else where our own Caddy serves the bot's host."""
    return f"{web_address(f'{LABEL}.{base_domain}', port, tls=tls)}{PATH}" if wanted == "true" else wanted


def webhook_problem(url: str, base_domain: str, tls: str, *, own_server: bool) -> str:
    """Say why no update would come to this address; empty when one may. A Bot API server of one's own takes any.

    `tls` is how our own Caddy serves it; empty when a proxy does that.
    """
    parts, host = urlsplit(url), f"{LABEL}.{base_domain}"
    problems = (
        (parts.hostname != host, f"the host of {url} must be {host}, which no project can have"),
        (own_server, ""),
        (parts.scheme != "https", f"Telegram needs HTTPS and not {url}: set SLIPWAY_TLS=auto, or give the address of a proxy"),
        ((parts.port or PORTS[0]) not in PORTS, f"Telegram takes the ports {', '.join(map(str, PORTS))} only, not {url}"),
        (host.endswith(".localhost"), f"Telegram cannot find {host}: set SLIPWAY_BASE_DOMAIN to a public domain"),
        (tls == "internal", "Telegram trusts no certificate of SLIPWAY_TLS=internal: set SLIPWAY_TLS=auto"),
    )
    return next((problem for holds, problem in problems if holds), "")


def webhook_secret(token: str) -> str:
    """Return what only Telegram and we know, made of the bot's token: the same after a restart, another after a new token."""
    return hmac.new(token.encode(), b"slipway webhook", hashlib.sha256).hexdigest()


def is_telegrams(given: str, secret: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), secret.encode())
