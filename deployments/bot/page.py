"""/page: a link by which a person of the bot comes to their page, signed in."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from deployments.bot.messages import Said
from deployments.bot.speech import Speech
from deployments.web.links import MINUTES, link_of
from domain.registry import Registry
from domain.visits import Visits
from tasks.visits import PERSONAL, make_link


@dataclass(frozen=True, kw_only=True)
class PagePlace:
    """Where the page is, and the key of what opens it; no address: there is none that people could reach."""

    url: str = ""
    pepper: bytes = field(default=b"", repr=False)


class PageCommand:
    """/page."""

    def __init__(self, registry: Registry, speech: Speech, place: PagePlace) -> None:
        self._registry = cast(Visits, registry)
        self._speech = speech
        self._place = place

    async def page(self, said: Said) -> None:
        """Answer with a link that signs this person in once; the door has let them in already."""
        if not self._place.url:
            await self._speech.tell(said, "page_none")
            return
        code = await make_link(said.person, PERSONAL, self._place.pepper, self._registry, datetime.now(UTC))
        await self._speech.tell(said, "page_link", link=link_of(self._place.url, code), minutes=MINUTES)
