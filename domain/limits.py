"""Limits of a door: how often it may be asked with one thing, and how much one address may guess."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

from domain.values import Value

WINDOW = 60
"""Seconds in which is counted."""
GUESSES = 20
"""Things that are none of ours, of one address in a window. Beyond it only what is known to be ours is looked at."""
TRUSTED = 24 * 3600
"""Seconds for which it is known that something which was shown from an address is ours."""


class Knock(Value):
    """What the counts say to one request."""

    known: bool = False
    """It was found to be ours before, from this address."""
    wait: int | None = None
    """Seconds until it is looked at: it, or what its address guesses, came too often. None: now."""


def place_of(address: str) -> str:
    """Return what counts as one address: of IPv6, whoever has one has all of its /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address) or found.ipv4_mapped:
        return address
    return str(ip_network((found, 64), strict=False))


class Counters(Protocol):
    """Counts that all processes share, and that end by themselves."""

    async def knock(self, address: str, digest: str, rate: int) -> Knock:
        """Count that this was shown, before it is looked at, and say whether it may be; all at one instant.

        What is unknown counts as a guess, the same thing once in a window; and so, for `rate`, do all of an address together.
        """
        ...

    async def know(self, address: str, digest: str) -> None:
        """Remember that it is ours, and no guess; also when it opens nothing any more."""
        ...

    async def ping(self) -> None:
        """Return when the counts can be asked."""
        ...
