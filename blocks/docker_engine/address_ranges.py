"""Address ranges for networks beyond the thirty or so that a Docker engine with its usual settings has for itself."""

import random
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from pathlib import Path

OWN_RANGE = IPv4Network("10.212.0.0/14")
"""Cut into 1,024 ranges of 254 addresses each."""
_PREFIX = 24
_ROUTED = 0x1
"""Flag of a route that is up (`route(8)`)."""


def free_ranges(taken: Iterable[IPv4Network], name: str) -> Iterator[IPv4Network]:
    """Yield the ranges that overlap nothing taken, first one that is `name`'s own: others who choose now begin elsewhere."""
    passed = list(taken)
    ranges = list(OWN_RANGE.subnets(new_prefix=_PREFIX))
    start = random.Random(name).randrange(len(ranges))  # noqa: S311 - it spreads, and guards nothing
    for each in ranges[start:] + ranges[:start]:
        if not any(each.overlaps(other) for other in passed):
            yield each


def routed(table: Path = Path("/proc/net/route")) -> list[IPv4Network]:
    """Return where this machine has routes to, the default one apart; nothing where the kernel tells of none."""
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []
    found = [(_address(row[1]), int(row[3], 16), _address(row[7])) for row in rows]
    return [IPv4Network((target, mask.bit_count())) for target, flags, mask in found if flags & _ROUTED and mask]


def _address(little_endian: str) -> int:
    return int.from_bytes(bytes.fromhex(little_endian), "little")
