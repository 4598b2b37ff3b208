"""Telegram as owners of tokens see it, in memory: who is named how, which token was wiped."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from domain.bots import BotProfile
from domain.errors import ChatTokenRefused, ServiceUnreachable


@dataclass
class MemoryAccounts:
    """`names` are the bots that exist, by token; `away` makes every call fail as a dead Telegram does.

    `meanwhile` happens, once, while Telegram is being asked to name or clear a bot.
    """

    names: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, BotProfile] = field(default_factory=dict)
    wiped: list[str] = field(default_factory=list)
    away: bool = False
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def username(self, token: str) -> str:
        self._check(token, "asking who a bot is")
        return self.names[token]

    async def dress(self, token: str, profile: BotProfile) -> None:
        self._check(token, "naming a bot")
        await self._wait()
        self.profiles[token] = profile

    async def wipe(self, token: str) -> None:
        self._check(token, "clearing a bot")
        await self._wait()
        self.profiles.pop(token, None)
        self.wiped.append(token)

    async def _wait(self) -> None:
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()

    def _check(self, token: str, attempted: str) -> None:
        if self.away:
            raise ServiceUnreachable("Telegram", attempted)
        if token not in self.names:
            raise ChatTokenRefused(attempted)
