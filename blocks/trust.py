"""Whom a client trusts: reading the authorities' certificates takes 40 ms, in which an event loop does nothing else.

So a process reads them once: a file of authorities that changes counts when `slipway up` is started again.
"""

import ssl
from functools import cache

import httpx


def trust_for(address: str) -> ssl.SSLContext:
    """Return whom clients of this address trust: nobody where there is no TLS, else the machine's authorities, read once."""
    return _nobody() if address.startswith("http://") else _authorities()


@cache
def _nobody() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _authorities() -> ssl.SSLContext:
    return httpx.create_ssl_context()
