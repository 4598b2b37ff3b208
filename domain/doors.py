"""What the registry is to the HTTP API, beyond what it is to everybody."""

from typing import Protocol

from domain.keys import Keys
from domain.listings import Listings
from domain.registry import Registry
from domain.requested import Requested


class DoorRegistry(Registry, Keys, Listings, Requested, Protocol):
    """The registry with keys, pages, and what was asked once."""
