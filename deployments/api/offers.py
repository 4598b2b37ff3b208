"""Offers: a proposal as its caller brings it back to accept it, which counts for a week."""

from datetime import datetime, timedelta

from deployments.api.problems import Refusal
from deployments.api.seals import sealed, unsealed
from domain.proposals import Proposal
from domain.values import Value

KIND = "offer"
LASTS = timedelta(days=7)
"""For so long its price, and what else it rests on, may be taken for granted."""


class Offer(Value):
    """A proposal, and of a change when its project was made: a later one of that name is another's."""

    proposal: Proposal
    ends: datetime
    made: datetime | None = None


def marked(offer: Offer, pepper: bytes) -> str:
    """Return the offer for its caller."""
    return sealed(KIND, offer, pepper)


def opened(mark: str, person: str, pepper: bytes, now: datetime) -> Offer:
    """Return the offer if it was made here for this person, and has not ended; raise Refusal."""
    offer = unsealed(KIND, mark, Offer, pepper)
    if offer is None or offer.proposal.origin.person != person or now >= offer.ends:
        raise Refusal(422, "this is no offer to you, or one of more than a week ago: ask for a proposal again")
    return offer
