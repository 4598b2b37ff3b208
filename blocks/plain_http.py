"""HTTP without TLS: to copies on private networks and to services on loopback."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from blocks.trust import trust_for


def plain_client(**options: Any) -> httpx.AsyncClient:
    """Return a client for http:// addresses, by no proxy. It trusts no certificate."""
    return httpx.AsyncClient(trust_env=False, verify=trust_for("http://"), **options)


def is_near(address: str) -> bool:
    """Tell whether it leads to this machine or a private network, like that of a container bridge: no proxy is asked for it."""
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost"
