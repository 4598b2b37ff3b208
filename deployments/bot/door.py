"""The bot's door: who comes in, by which code, and how often one person may speak."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from deployments.bot.messages import Said
from deployments.bot.sealing import answered, sealed_credential
from deployments.bot.speech import Speech
from deployments.wording.cards import STOP
from deployments.wording.texts import say
from domain.admission import Entry, Member, Rules, Standing, entry
from domain.allowances import MINUTE, Rates, limits_of
from domain.invitations import PREFIX, TRIES, TRY_SECONDS, Redeemed, code_in, digest_of
from domain.protocols import Wakeups
from domain.registry import Registry
from tasks.notify import tell_operator

logger = logging.getLogger(__name__)

TURNED_AWAY = 1000
"""People who were not answered last, that are remembered: whoever is forgotten sees one sign too many."""
STRANGER = 10
"""Messages within a minute that somebody who is not in is answered."""
WHY: dict[Entry, str] = {
    Entry.ASKS_FOR_CODE: "not_invited",
    Entry.CLOSED: "not_allowed",
    Entry.BLOCKED: "blocked",
}


@dataclass(frozen=True, kw_only=True)
class House:
    """Who may come in, what counts their messages, and the key of invitations."""

    rules: Rules
    rates: Rates
    key: str


class Door:
    """Looks at each message before anything else does."""

    def __init__(self, house: House, registry: Registry, wakeups: Wakeups, speech: Speech) -> None:
        self._rules = house.rules
        self._rates = house.rates
        self._key = house.key
        self._registry = registry
        self._wakeups = wakeups
        self._speech = speech
        self.turned_away: dict[str, None] = {}
        """Who was not answered last, oldest first: they get no sign either."""

    async def admits(self, said: Said) -> Member | None:
        """Return the person who is in; one who is not is told what to do, and one who gives a code is let in by it."""
        member = await self._registry.member(said.person)
        stands = entry(self._rules.access, said.user in self._rules.named, member.standing)
        code = code_in(said.words if is_start(said) else said.text)
        if stands is Entry.OPEN and (code is None or self._rules.access != "invite"):
            return member
        if not await self.passes(said, STRANGER):
            return None
        if stands is Entry.OPEN and member.standing is Standing.UNKNOWN:  # the settings name them: they need no code
            await self._speech.tell(said, "code_member")
        elif stands is Entry.OPEN or (stands is Entry.ASKS_FOR_CODE and tries_code(said)):
            await self._redeem(said, code or "")
        else:
            await self._refuse(said, WHY[stands])
        return None

    async def hears(self, said: Said, member: Member) -> bool:
        """Tell whether who is in may say one more thing now. What stops, and what held a secret, is always heard."""
        if stops(said) or answered(said.text) or sealed_credential(said.text):
            return True
        most = limits_of(self._rules.usual, member.own).per_minute
        return not most or await self.passes(said, most)

    async def passes(self, said: Said, most: int) -> bool:
        """Count the message once; the first one of too many is told, and those after it are not answered."""
        passage = await self._rates.enter(f"says {said.person}", said.key, most, MINUTE)
        self.turned_away.pop(said.person, None)
        if not passage.passes:
            self.turned_away[said.person] = None
            for old in list(self.turned_away)[:-TURNED_AWAY]:
                del self.turned_away[old]
        if passage.first:
            await self._refuse(said, "too_fast", most=most, seconds=ceil(passage.seconds))
        elif not passage.passes:
            await self._speech.heard(said)
        return passage.passes

    async def _redeem(self, said: Said, code: str) -> None:
        passage = await self._rates.enter(f"codes {said.person}", said.key, TRIES, TRY_SECONDS)
        if not passage.passes:
            await self._refuse(said, "code_tries", tries=TRIES, minutes=ceil(passage.seconds / 60))
            return
        redeemed = await self._registry.redeem(digest_of(code, self._key), said.person, datetime.now(UTC))
        if redeemed is Redeemed.JOINED:
            await self._tell_operator(said)
        await self._speech.tell(said, f"code_{redeemed.value}", person=said.user)

    async def _tell_operator(self, said: Said) -> None:
        number = (await self._registry.member(said.person)).invitation
        logger.info("%s came in by invitation %s", said.person, number)
        text = f"{said.person} came in by invitation {number}; `slipway people block {said.user}` takes that back"
        key = f"joined:{said.person}:{number}"
        await tell_operator(key, text, self._registry, self._wakeups, datetime.now(UTC))

    async def _refuse(self, said: Said, key: str, **fields: object) -> None:
        if said.press:
            await self._speech.pop(said, key, person=said.user, **fields)
        else:
            await self._speech.say(said, say(said.language, key, person=said.user, **fields))


def stops(said: Said) -> bool:
    return said.command == "/cancel" or (bool(said.press) and said.text.startswith(f"{STOP}:"))


def is_start(said: Said) -> bool:
    return not said.press and said.command == "/start"


def tries_code(said: Said) -> bool:
    """Tell whether somebody who is not in means a code by what they say, right or wrong."""
    return bool(is_start(said) and said.words) or (not said.press and said.text.strip().casefold().startswith(PREFIX))
