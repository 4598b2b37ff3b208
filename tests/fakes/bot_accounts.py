"""Telegram as owners of tokens see it, in memory: who is named how, which token was wiped."""

from dataclasses import dataclass, field

from domain.bots import BotProfile
from domain.errors import ChatTokenRefused, ServiceUnreachable


@dataclass
class MemoryAccounts:
    """`names` are the bots that exist, by token; `away` makes every call fail as a dead Telegram does."""

    names: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, BotProfile] = field(default_factory=dict)
    wiped: list[str] = field(default_factory=list)
    away: bool = False

    async def username(self, token: str) -> str:
        self._check(token, "asking who a bot is")
        return self.names[token]

    async def dress(self, token: str, profile: BotProfile) -> None:
        self._check(token, "naming a bot")
        self.profiles[token] = profile

    async def wipe(self, token: str) -> None:
        self._check(token, "clearing a bot")
        self.profiles.pop(token, None)
        self.wiped.append(token)

    def _check(self, token: str, attempted: str) -> None:
        if self.away:
            raise ServiceUnreachable("Telegram", attempted)
        if token not in self.names:
            raise ChatTokenRefused(attempted)
