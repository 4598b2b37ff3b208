"""HTTP without TLS: to copies on private networks and to services on loopback."""

import ssl
from typing import Any

import httpx


def plain_client(**options: Any) -> httpx.AsyncClient:
    """Return a client for http:// addresses, by no proxy. It trusts no certificate: reading a bundle takes 40 ms a client."""
    return httpx.AsyncClient(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), **options)
