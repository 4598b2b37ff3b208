"""Who knocks: keys and browsers that show something are believed, or counted as wrong by their address."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from starlette.types import Scope

from deployments.api.problems import Refusal
from deployments.web.sessions import Keeper, session_of, token_of
from domain.keys import ApiKey, digest_of
from domain.limits import TRUSTED, WINDOW, WRONG, Counters, wait
from domain.visits import Visit, visit_digest
from tasks.keys import admit

T = TypeVar("T")


class Doorkeeper:
    """Looks at what is shown. An address that was wrong too often is believed only what it has shown rightly before."""

    def __init__(self, keeper: Keeper, counters: Counters) -> None:
        self.keeper = keeper
        self._counters = counters

    async def key(self, shown: str, address: str, now: datetime) -> ApiKey:
        """Return whose key it is; raise Refusal for one that opens nothing."""
        digest = digest_of(shown, self.keeper.pepper)

        async def look() -> ApiKey | None:
            return await admit(shown, digest, self.keeper.registry, now)

        return await self.believed(digest, address, look, unknown("this key opens nothing"))

    async def visit(self, scope: Scope, now: datetime) -> Visit:
        """Return whose browser it is; raise Refusal for one that is signed in no more, which is no wrong key."""
        digest, over = visit_digest(token_of(scope), self.keeper.pepper), unknown("this browser is not signed in any more")

        async def look() -> Visit | None:
            found = await session_of(scope, self.keeper, now)
            if found is None and await self.keeper.registry.visit(digest) is not None:
                raise over  # nobody guesses it, and a browser shows it again and again
            return found

        return await self.believed(digest, address_of(scope), look, over)

    async def believed(self, digest: str, address: str, look: Callable[[], Awaitable[T | None]], refusal: Refusal) -> T:
        """Return what is found of what was shown, by its digest; raise the refusal, and count it, when that is nothing."""
        wrong, right = f"wrong:{address}", f"right:{address}:{digest}"
        is_known = await self._counters.remembers(right, TRUSTED)
        seconds = None if is_known else wait(await self._counters.counted(wrong), WRONG - 1)
        if seconds is not None:
            raise Refusal(429, "too many wrong keys from this address", {"Retry-After": str(seconds)})
        found = await look()
        if found is None:
            await self._counters.count(wrong, WINDOW)
            await self._counters.forget(right)  # it opened once, and was revoked or has expired since
            raise refusal
        if not is_known:
            await self._counters.remember(right, TRUSTED)
        return found


def address_of(scope: Scope) -> str:
    """Return from where the request comes."""
    return scope["client"][0] if scope.get("client") else ""


def unknown(detail: str) -> Refusal:
    return Refusal(401, detail, {"WWW-Authenticate": "Bearer"})
