"""The pool of Telegram bots: registered beforehand, leased to one project each, given back when that is deleted.

A bot's fence counts on at each of its moves. Whoever comes with an earlier one has slept through a move and changes nothing.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.briefs import Brief
from domain.environment import TELEGRAM_BOT_TOKEN, Requirements
from domain.errors import BadInput
from domain.values import Value

POOL = "-bots"
"""Owner, in the vault, of the pool's tokens; no project can be called so."""


class BotState(StrEnum):
    FREE = "free"
    LEASED = "leased"
    RESTING = "resting"
    RETIRED = "retired"


MOVES: dict[BotState, frozenset[BotState]] = {
    BotState.FREE: frozenset({BotState.LEASED, BotState.RESTING, BotState.RETIRED}),
    BotState.LEASED: frozenset({BotState.RESTING}),
    BotState.RESTING: frozenset({BotState.FREE, BotState.RETIRED}),
    BotState.RETIRED: frozenset({BotState.RESTING}),
}
"""Which state may follow which: whoever had it last is through with it before anybody else gets it."""


class Bot(Value):
    """One row of the registry."""

    id: str
    """Telegram's number of the bot, with which its token begins."""
    username: str
    state: BotState
    project: str = ""
    """Who has it, or had it last while it rests."""
    fence: int = 0
    since: datetime
    profile: str = ""
    """Mark of the name, descriptions and commands that it was given last; empty: none."""

    @property
    def key(self) -> str:
        """Name of its token in the vault, among those of POOL."""
        return f"BOT_{self.id}"


class BotCommand(Value):
    name: str
    description: str


class BotProfile(Value):
    """What a bot says of itself, within the limits of the Bot API."""

    name: str
    description: str
    short: str
    commands: tuple[BotCommand, ...]

    @property
    def mark(self) -> str:
        """Return what is the same for equal profiles only."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


BLANK = BotProfile(name="", description="", short="", commands=())
"""Of a bot that is nobody's; Telegram shows its username in the place of an empty name."""

COMMANDS = 100
"""How many the menu of a bot may have."""

_COMMAND = re.compile(r"(?<![\w/.])/([a-z][a-z0-9_]{0,31})(?![\w/.-]*[/-])\b")


def profile_of(brief: Brief) -> BotProfile:
    """Return what the bot of this Brief says of itself: its commands are those that stories and checks name."""
    commands: dict[str, str] = {}
    for text in (*brief.stories, *(check.text for check in brief.checks)):
        for name in _COMMAND.findall(text):
            commands.setdefault(name, short(text, 256))
    commands.pop("health", None)  # every app's own path, which checks name like a command
    menu = [BotCommand(name=name, description=said) for name, said in commands.items()]
    return BotProfile(
        name=short(brief.title, 64),
        description=short(brief.summary, 512),
        short=short(brief.summary, 120),
        commands=tuple(menu[:COMMANDS]),
    )


def short(text: str, limit: int) -> str:
    """Return the text in one line, its end marked when it was cut; Telegram counts characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def bot_id(token: str) -> str:
    """Return the number with which a token begins; empty when it is none."""
    found = re.fullmatch(r"(\d{1,20}):[\w-]{30,64}", token)
    return found.group(1) if found else ""


def wants_bot(requirements: Requirements, given: Sequence[str]) -> bool:
    """Tell whether the project is to get a bot of the pool: it needs a token, and its person gave none."""
    return TELEGRAM_BOT_TOKEN not in given and any(v.name == TELEGRAM_BOT_TOKEN for v in requirements.variables)


def has_rested(bot: Bot, now: datetime, rest: timedelta) -> bool:
    return bot.state is BotState.RESTING and bot.since + rest <= now


def free(bots: Sequence[Bot]) -> int:
    return sum(bot.state is BotState.FREE for bot in bots)


def low_key(bots: Sequence[Bot]) -> str:
    """Name the warning that few are free: it is given once, and again when bots were added or retired since."""
    there = " ".join(sorted(bot.id for bot in bots if bot.state is not BotState.RETIRED))
    return f"bots-low:{hashlib.sha256(there.encode()).hexdigest()[:12]}"


def why_not_retired(bot: Bot) -> str | None:
    """Return in one sentence why it cannot be retired now; None when it can."""
    if bot.state is BotState.LEASED:
        return f"@{bot.username} is the bot of {bot.project}: `slipway down {bot.project}` gives it back, then retire it"
    return None


def named(bots: Sequence[Bot], name: str) -> Bot:
    """Return the bot of this username or number; raise BadInput."""
    wanted = name.removeprefix("@").lower()
    found = next((bot for bot in bots if wanted in (bot.id, bot.username.lower())), None)
    if found is None:
        raise BadInput(f"there is no bot {name[:60]!r} in the pool: `slipway bots list` lists them")
    return found


class Bots(Protocol):
    """What the registry knows of the pool. A move with another fence than the row's is refused."""

    async def add_bot(self, id: str, username: str, at: datetime) -> Bot:
        """Store it resting; one that is free, resting or retired becomes so again. Raise BadInput for a leased one."""
        ...

    async def bots(self) -> Sequence[Bot]:
        """Return all, by username."""
        ...

    async def lease_bot(self, project: str, at: datetime) -> Bot | None:
        """Give the project the free bot that has waited longest; the one that it has already; None when none is free.

        Raise UnknownObject when there is no such project.
        """
        ...

    async def move_bot(self, bot: Bot, state: BotState, at: datetime, *, idle: bool = False) -> Bot | None:
        """Move along `domain.bots.MOVES`, from the very row that `bot` is; None when that was moved since.

        With `idle` also None, and nothing moved, when its project is there and a run of it has not ended.
        """
        ...

    async def dress_bot(self, bot: Bot, profile: str) -> bool:
        """Write down what it was given; False when the row was moved since."""
        ...


class BotAccounts(Protocol):
    """Telegram as the owner of a token sees it. Each raises ChatTokenRefused when the token counts no more."""

    async def username(self, token: str) -> str: ...

    async def dress(self, token: str, profile: BotProfile) -> None:
        """Set name, descriptions and commands."""
        ...

    async def wipe(self, token: str) -> None:
        """Clear webhook, waiting updates, commands, name and descriptions."""
        ...
