"""Links that sign in, as the command line and the bot give them."""

from deployments.api.doors import LOGIN
from domain.visits import LINK_LASTS

MINUTES = int(LINK_LASTS.total_seconds() // 60)


def link_of(page: str, code: str) -> str:
    """Return the link with this code to the page at this address."""
    return f"{page}{LOGIN}?code={code}"
