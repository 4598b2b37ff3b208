"""Ports of loopback for what runs as a plain process."""

import secrets
import socket
from collections.abc import Collection

APPS = range(20_000, 30_000)
RESOURCES = range(30_000, 32_000)
"""Both below Linux's ephemeral range, so that no outgoing connection takes a port between its choice and its use."""


def free_port(ports: range, taken: Collection[int], wanted: int = 0) -> int:
    """Return the wanted port if it may be used again, else another of `ports` that nobody listens on."""
    port = wanted
    while port not in ports or port in taken or not is_free(port):
        port = ports.start + secrets.randbelow(len(ports))
    return port


def is_free(port: int) -> bool:
    """Tell whether nobody listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
