"""Bots of the pool that are added, given back, rested and retired.

True afterwards: a bot is free only when nothing that ran with its token is left, and Telegram holds nothing of whoever had it.
The row goes first. Blocks: registry, vault, engine, Telegram.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import JANITOR
from domain.bots import POOL, Bot, BotAccounts, BotState, bot_id, has_rested, profile_of, why_not_retired
from domain.engines import Engine
from domain.errors import BadInput, SlipwayError
from domain.protocols import Vault
from domain.registry import Registry
from domain.vault import STARTABLE, newest
from tasks.audit import record
from tasks.bots import LOG, ask_telegram, dress, forget_token, is_left_behind, is_unmoved, leased, token_of
from tasks.retrying import only_try_again
from tasks.run_log import run_log

POOL_LINES = "bots"
"""Under which the history has what is done to the pool itself."""


async def add_bot(
    token: str, who: str, own: str, registry: Registry, vault: Vault, accounts: BotAccounts, now: datetime
) -> Bot:
    """Take the token into the pool; raise BadInput for one that is none or that is Slipway's own, ChatTokenRefused."""
    number = bot_id(token)
    if not number:
        raise BadInput("that is no bot token: those look like 123456789:AAF…, @BotFather gives them")
    if number == bot_id(own):
        raise BadInput("that is the token of Slipway's own bot: make another one for the pool")
    username = await accounts.username(token)
    if mislaid := await _mislaid(number, registry, vault):
        await vault.put(POOL, mislaid.key, token)
        await record(POOL_LINES, who, f"token of @{username} stored again", registry)
        return mislaid
    bot = await registry.add_bot(number, username, now)
    await vault.put(POOL, bot.key, token)
    await accounts.wipe(token)
    await record(POOL_LINES, who, f"bot @{bot.username} added", registry)
    return await registry.move_bot(bot, BotState.FREE, now) or bot


async def _mislaid(number: str, registry: Registry, vault: Vault) -> Bot | None:
    """Return the bot of this number that somebody has, or had last, when its token is in the vault no more."""
    had = next((bot for bot in await registry.bots() if bot.id == number and bot.project), None)
    return had if had and had.key not in newest(await vault.listed(POOL)) else None


async def retire_bot(bot: Bot, who: str, registry: Registry, vault: Vault, now: datetime) -> None:
    """Take it out of the pool, and forget its token; raise BadInput when a project has it."""
    why = why_not_retired(bot)
    retired = bot if bot.state is BotState.RETIRED else None
    if why is None and retired is None and (retired := await registry.move_bot(bot, BotState.RETIRED, now)) is None:
        why = f"@{bot.username} was leased a moment ago: `slipway bots list` says to whom"
    if why is not None or retired is None:
        raise BadInput(f"{why}; nothing was changed")
    await _forget_retired(retired, registry, vault)
    await record(POOL_LINES, who, f"bot @{bot.username} retired", registry, version=bot.fence, once=True)


async def _forget_retired(bot: Bot, registry: Registry, vault: Vault) -> bool:
    """Drop the token from the pool, unless the bot was taken in again since; False when there was none to drop.

    The vault knows no fence: a bot that comes back while its token is dropped has it stored again, unless it brought
    another one, which was not there when this one was looked up and is not dropped either.
    """
    listed = await vault.listed(POOL)
    info = newest(listed).get(bot.key)
    if info is None or not await is_unmoved(bot, registry):
        return False
    token = await vault.get(info.reference)
    await vault.forget(POOL, [each.reference for each in listed if each.key == bot.key])
    if not await is_unmoved(bot, registry) and bot.key not in newest(await vault.listed(POOL)):
        await vault.put(POOL, bot.key, token)
    return True


async def give_back_bot(
    project: str, why: str, registry: Registry, vault: Vault, accounts: BotAccounts, now: datetime, *, idle: bool = False
) -> Bot | None:
    """Let the project's bot rest, its token forgotten there, and clear what Telegram holds; None when it has none.

    All copies that have the token were ended before. When Telegram cannot be asked, it is cleared before the next lease.
    With `idle` a project that somebody works on keeps it, also one for which work began a moment ago.
    """
    bot = await leased(project, registry)
    resting = await registry.move_bot(bot, BotState.RESTING, now, idle=idle) if bot else None
    if resting is None:
        return None
    await record(project, JANITOR, f"bot @{resting.username} given back", registry, why=why)
    await settle(resting, registry, vault, accounts)
    return resting


async def settle(bot: Bot, registry: Registry, vault: Vault, accounts: BotAccounts) -> bool:
    """Take the token from whoever had the bot last, and clear it at Telegram; False when that could not be done.

    Whoever slept until the bot had moved on changes nothing of who has it then.
    """
    try:
        token = await token_of(bot, vault)
        if bot.project and await is_unmoved(bot, registry):
            await forget_token(bot.project, [token], vault)
        return await ask_telegram(bot, partial(accounts.wipe, token), registry)
    except SlipwayError as error:
        run_log(LOG).warning("@%s rests on: %s", bot.username, error)
        return False


@task(
    task_run_name="tidy the bot pool",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def tidy_bots(
    rest: timedelta, registry: Registry, vault: Vault, engine: Engine, accounts: BotAccounts, now: datetime
) -> Sequence[str]:
    """Give back what nobody will use, free what has rested, and name what is not named yet; return what was done."""
    lines = [await _tidied(bot, rest, registry, vault, engine, accounts, now) for bot in await registry.bots()]
    return [line for line in lines if line]


async def _tidied(
    bot: Bot, rest: timedelta, registry: Registry, vault: Vault, engine: Engine, accounts: BotAccounts, now: datetime
) -> str:
    """Do what is next for this bot; return it, empty when there was nothing to do."""
    match bot.state:
        case BotState.LEASED if await _is_unused(bot, registry, now - rest):
            why = "nothing of it runs or will"
            ended = await _end_copies(bot, registry, engine)
            back = ended and await give_back_bot(bot.project, why, registry, vault, accounts, now, idle=True)
            return f"bot @{bot.username} given back" if back else ""
        case BotState.LEASED:
            name = await _named(bot, registry, vault, accounts)
            return f"bot @{bot.username} named {name}" if name else ""
        case BotState.RESTING if has_rested(bot, now, rest):
            became = await _rested(bot, registry, vault, engine, accounts, now)
            return f"bot @{bot.username} {became.value}" if became else ""
        case BotState.RESTING if await is_left_behind(bot, vault):
            return f"token of @{bot.username}" if await settle(bot, registry, vault, accounts) else ""
        case BotState.RETIRED:
            return f"token of @{bot.username}" if await _forget_retired(bot, registry, vault) else ""
    return ""


async def _is_unused(bot: Bot, registry: Registry, before: datetime) -> bool:
    """Tell whether its project is gone, or never went online and nobody works on it."""
    if await registry.project(bot.project) is None:
        return True
    if bot.since > before or any(release.state in STARTABLE for release in await registry.releases(bot.project)):
        return False
    return not await registry.runs(bot.project, 1, ended=False)


async def _named(bot: Bot, registry: Registry, vault: Vault, accounts: BotAccounts) -> str:
    """Return the name that it was given now; empty when it has that already."""
    project = await registry.project(bot.project)
    if project is None or not await dress(bot, project.brief, registry, vault, accounts):
        return ""
    return profile_of(project.brief).name


async def _rested(
    bot: Bot, registry: Registry, vault: Vault, engine: Engine, accounts: BotAccounts, now: datetime
) -> BotState | None:
    """Free it, or retire it when its token never reached the vault: whoever added it was interrupted. None: it rests on."""
    state = BotState.RETIRED
    if bot.key in newest(await vault.listed(POOL)):
        await _end_copies(bot, registry, engine)
        if not await settle(bot, registry, vault, accounts):
            return None
        state = BotState.FREE
    moved = await registry.move_bot(bot, state, now)
    return moved.state if moved else None


async def _end_copies(bot: Bot, registry: Registry, engine: Engine) -> bool:
    """Remove what still runs of a project that is gone: it may hold the token, and would take the next one's updates.

    Return whether nothing of it is left; of a project that is there, or there again, nothing is removed.
    """
    for app in await engine.apps(bot.project) if bot.project else ():
        if await registry.project(bot.project) is not None:
            return False
        await engine.remove(app.identity)
    return True
