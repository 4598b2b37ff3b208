"""What a worker may reach through the egress proxy: decisions on names, addresses and tokens, without any I/O.

A name must be on the allow-list; whatever it resolves to must not lie inside a network of ours. The proxy connects to
the very address that was checked, so an answer of the name service that changes in between changes nothing.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from pydantic import Field

from domain.values import Value

TLS_PORT, PLAIN_PORT = 443, 80
NAME = r"(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
"""A host name of two labels or more in lower case. A last label that starts with a letter is no number in any spelling."""
RUN = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
CLOSED_V4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's metadata; all other clouds' lie in the ranges here
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "224.0.0.0/3",
        ),
    )
)
"""RFC 6890 without the ranges for documentation: no network of a firm uses these, and closed laboratories answer with them."""
GLOBAL_V6 = ip_network("2000::/3")
CLOSED_V6 = tuple(map(ip_network, ("2001::/32", "2002::/16")))
"""Teredo and 6to4: IPv4 addresses in disguise."""


class Allowance(Value):
    """What one run may use of the proxy."""

    connections: int = Field(default=32, ge=1, description="At once")
    attempts: int = Field(default=5000, ge=1, description="In all, refused ones included")
    megabytes: int = Field(default=2048, ge=1, description="In all, both directions together")
    idle_seconds: float = Field(default=120.0, gt=0, description="A connection that is silent for so long is closed")


class ProxyRequest(Value):
    """The head of a request to the proxy. `path` is empty for CONNECT."""

    method: str
    host: str
    port: int
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def credentials(self) -> str:
        return next((value for name, value in self.headers if name.lower() == "proxy-authorization"), "")


def is_pattern(text: str) -> bool:
    """Tell whether `text` can be on the allow-list: `host`, `*.host` (any name below it), with `:80` for plain HTTP."""
    return re.fullmatch(rf"(?:\*\.)?{NAME}", text.removesuffix(f":{PLAIN_PORT}")) is not None


def pattern_of(address: str) -> str | None:
    """Return the pattern of a registry's web address; None when it is none that the proxy could pass."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    usual = {"https": TLS_PORT, "http": PLAIN_PORT}.get(parts.scheme)
    if usual is None or port not in (None, usual) or not re.fullmatch(NAME, host):
        return None
    return host if usual == TLS_PORT else f"{host}:{PLAIN_PORT}"


def refusal(host: str, port: int, patterns: Iterable[str]) -> str | None:
    """Return why a name may not be connected to, in words that fit a status line; None when it may."""
    name = host.lower()
    if _is_literal(name):
        return "addresses are refused, use a name"
    if not re.fullmatch(NAME, name):
        return "this is no host name"
    if port not in (TLS_PORT, PLAIN_PORT):
        return "only ports 443 and 80 are open"
    wanted = [pattern.removesuffix(f":{PLAIN_PORT}") for pattern in patterns if _port(pattern) == port]
    if any(_matches(name, pattern) for pattern in wanted):
        return None
    return "this host is not on the allow-list"


def wrong_port(request: ProxyRequest) -> str | None:
    """Return why a request does not fit its port: tunnels are for TLS alone."""
    usual = TLS_PORT if request.method == "CONNECT" else PLAIN_PORT
    return None if request.port == usual else f"{'tunnels' if usual == TLS_PORT else 'plain requests'} go to port {usual} only"


def address_refusal(address: str) -> str | None:
    """Return why the proxy must not connect to an address that a permitted name resolved to; None when it may."""
    try:
        found = ip_address(address)
    except ValueError:
        return "the name has no usable address"
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if isinstance(found, IPv4Address):
        inside = any(found in network for network in CLOSED_V4)
    else:
        inside = found not in GLOBAL_V6 or any(found in network for network in CLOSED_V6)
    return "the name leads to an inside address" if inside else None


class Guest(Value):
    """Who uses the proxy."""

    run: str
    github: bool = Field(default=False, description="Its worker has the capability, and so the way to the GitHub host")


def run_token(key: str, run: str, *, github: bool = False) -> str:
    """Return the token with which the workers of `run` use the proxy; only a holder of the installation's key can make it."""
    proven = f"egress {run}" + (" github" if github else "")
    return hmac.new(key.encode(), proven.encode(), hashlib.sha256).hexdigest()


def guest_of(credentials: str, key: str) -> Guest | None:
    """Return whom a Proxy-Authorization header proves (RFC 7617); None when it proves nobody."""
    scheme, _, encoded = credentials.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        run, _, token = base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        return None
    if not RUN.fullmatch(run):
        return None
    found = (github for github in (False, True) if hmac.compare_digest(run_token(key, run, github=github), token))
    return next((Guest(run=run, github=github) for github in found), None)


def run_in(environment: Iterable[str]) -> str:
    """Return the run whose way to the proxy stands in a container's environment; empty when none does."""
    found = [text.partition("=")[2] for text in environment if text.startswith("HTTP_PROXY=")]
    try:
        run = urlsplit(found[-1]).username if found else None
    except ValueError:
        return ""
    return run if run and RUN.fullmatch(run) else ""


def parsed_request(head: bytes) -> ProxyRequest | None:
    """Return the request whose head this is; None when it is not one that a proxy is asked (RFC 9112, 3.2.2 and 3.2.3)."""
    try:
        first, *lines = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = first.split(" ")
        pairs = tuple((name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines))
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    sound = all(re.fullmatch(r"[!#-'*+.^-z|~0-9A-Z-]+", name) and value.isprintable() for name, value in pairs)
    if version not in ("HTTP/1.1", "HTTP/1.0") or not sound or parts.username is not None:
        return None
    if method == "CONNECT":
        is_plain = port is not None and target == parts.netloc
        return ProxyRequest(method=method, host=host, port=port or 0, headers=pairs) if is_plain else None
    if parts.scheme != "http" or not target.isprintable():
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return ProxyRequest(method=method, host=host, port=PLAIN_PORT if port is None else port, path=path, headers=pairs)


def forwarded(request: ProxyRequest) -> bytes:
    """Return the head that the server gets for a plain request: for its own name, and for this one answer only."""
    dropped = {"host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "expect"}
    named = [
        part.strip().lower() for name, value in request.headers if name.lower() == "connection" for part in value.split(",")
    ]
    kept = [
        f"{name}: {value}"
        for name, value in request.headers
        if name.lower() not in dropped and name.lower() not in named and not name.lower().startswith("proxy-")
    ]
    lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {request.host}", *kept, "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def proxy_environment(address: str, port: int, run: str, token: str) -> dict[str, str]:
    """Return the variables with which the usual clients (pip, npm, curl, apt, git) use the proxy.

    What else is to be reached on its address (the model gateway) is asked directly.
    """
    url = f"http://{run}:{token}@{address}:{port}"
    inside = f"localhost,127.0.0.1,::1,0.0.0.0,{address}"
    names = {"HTTP_PROXY": url, "HTTPS_PROXY": url, "ALL_PROXY": url, "NO_PROXY": inside}
    npm = {"npm_config_proxy": url, "npm_config_https_proxy": url, "npm_config_noproxy": inside}
    return {**names, **{name.lower(): value for name, value in names.items()}, **npm}


def _is_literal(name: str) -> bool:
    """Tell whether some program reads the name as an address: inet_aton(3) takes one to four numbers, octal and hex too."""
    bare = name.strip("[]").split("%")[0].rstrip(".")
    return ":" in bare or all(re.fullmatch(r"0x[0-9a-f]*|[0-9]+", part) for part in bare.split("."))


def _port(pattern: str) -> int:
    return PLAIN_PORT if pattern.endswith(f":{PLAIN_PORT}") else TLS_PORT


def _matches(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) and name != pattern[2:] if pattern.startswith("*.") else name == pattern


def first_refusal(addresses: Sequence[str]) -> str | None:
    """Return why a name with these addresses is not connected to; one inside address spoils all."""
    if not addresses:
        return "the name has no usable address"
    return next((why for address in addresses if (why := address_refusal(address))), None)
