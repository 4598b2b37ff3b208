"""Offers: a proposal as its caller brings it back to accept it.

By its seal only what was made here counts, for a week; nothing is stored.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta

from pydantic import ValidationError

from deployments.api.problems import Refusal
from domain.proposals import Proposal
from domain.values import Value

LASTS = timedelta(days=7)
"""For so long its price, and what else it rests on, may be taken for granted."""


class Offer(Value):
    """A proposal, and of a change when its project was made: a later one of that name is another's."""

    proposal: Proposal
    ends: datetime
    made: datetime | None = None


def sealed(offer: Offer, pepper: bytes) -> str:
    """Return the offer for its caller, in letters that go into JSON as they are."""
    text = urlsafe_b64encode(offer.model_dump_json().encode()).decode().rstrip("=")
    return f"{text}.{_seal(text, pepper)}"


def opened(mark: str, person: str, pepper: bytes, now: datetime) -> Offer:
    """Return the offer if it was made here for this person, and has not ended; raise Refusal."""
    text, _, seal = mark.partition(".")
    try:
        if hmac.compare_digest(seal.encode(), _seal(text, pepper).encode()):
            offer = Offer.model_validate_json(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if offer.proposal.origin.person == person and now < offer.ends:
                return offer
    except (ValidationError, ValueError):  # one that an older version made
        pass
    raise Refusal(422, "this is no offer to you, or one of more than a week ago: ask for a proposal again")


def _seal(text: str, pepper: bytes) -> str:
    return hmac.new(pepper, f"offer {text}".encode(), hashlib.sha256).hexdigest()
