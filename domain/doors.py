"""What the registry is to doors, beyond what it is to everybody."""

from typing import Protocol

from domain.issue_requests import IssueRequests
from domain.keys import Keys
from domain.listings import Listings
from domain.registry import Registry
from domain.requested import Requested
from domain.visits import Visits
from domain.webhooks import Webhooks


class DoorRegistry(Registry, Keys, Listings, Requested, Visits, Webhooks, IssueRequests, Protocol):
    """The registry with keys, pages, what was asked once, browsers that have signed in, and what GitHub told and was told."""
