"""Who knocks: what keys and browsers show is counted before it is looked at, and believed when it opens."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from starlette.types import Scope

from deployments.api.problems import Refusal
from deployments.web.sessions import Keeper, session_of, token_of
from domain.keys import ApiKey, digest_of
from domain.limits import Counters, place_of
from domain.visits import Visit, visit_digest
from tasks.keys import admit
from tasks.visits import visit_by_word

T = TypeVar("T")


class Doorkeeper:
    """Looks at what is shown. An address that guessed too often is believed only what was found to be ours before."""

    def __init__(self, keeper: Keeper, counters: Counters, rate: int) -> None:
        self.keeper = keeper
        self._counters = counters
        self._rate = rate

    async def key(self, shown: str, address: str, now: datetime) -> ApiKey:
        """Return whose key it is; raise Refusal for one that opens nothing."""
        digest = digest_of(shown, self.keeper.pepper)

        async def look() -> ApiKey | None:
            return await admit(shown, digest, self.keeper.registry, now)

        return await self.believed(digest, address, look, unknown("this key opens nothing"))

    async def visit(self, scope: Scope, now: datetime) -> Visit:
        """Return whose browser it is; raise Refusal for one that is signed in no more, which guesses nothing."""
        digest, over = visit_digest(token_of(scope), self.keeper.pepper), unknown("this browser is not signed in any more")

        async def look() -> Visit | None:
            found = await session_of(scope, self.keeper, now)
            if found is None and await self.keeper.registry.visit(digest) is not None:
                await self._counters.know(address_of(scope), digest)  # a browser shows it again and again
            return found

        return await self.believed(digest, address_of(scope), look, over)

    async def word(self, said: str, address: str, now: datetime) -> Visit:
        """Return whom a Mini App's init data name; raise Refusal for what opens nothing."""
        keeper = self.keeper

        async def look() -> Visit | None:
            return await visit_by_word(said, keeper.bot_token, keeper.pepper, keeper.registry, keeper.rules, now)

        over = unknown("Telegram has not said this within ten minutes, or its person is not let in: open the app again")
        return await self.believed(visit_digest(said, keeper.pepper), address, look, over)

    async def believed(self, digest: str, address: str, look: Callable[[], Awaitable[T | None]], refusal: Refusal) -> T:
        """Return what is found of what was shown, by its digest; raise the refusal when that is nothing.

        It counts as a guess until it is found: no burst passes the limit.
        """
        knock = await self._counters.knock(address, digest, self._rate)
        if knock.wait is not None:
            said = f"this key may ask {self._rate} times a minute" if knock.known else "too many wrong keys from this address"
            raise Refusal(429, said, {"Retry-After": str(knock.wait)})
        found = await look()
        if found is None:
            raise refusal
        if not knock.known:
            await self._counters.know(address, digest)
        return found


def address_of(scope: Scope) -> str:
    """Return from where the request comes."""
    return place_of(scope["client"][0]) if scope.get("client") else ""


def unknown(detail: str) -> Refusal:
    return Refusal(401, detail, {"WWW-Authenticate": "Bearer"})
