"""The bot pool: a project that needs a bot token gets the bot of the pool that has been free longest.

True afterwards: the registry's row says who has which bot, and the token lies in the project's part of the vault. The row
goes first: killed in between, the same project finds its bot again, and the janitor (tasks/bot_upkeep.py) does what is left.
Blocks: registry, vault, wakeups, Telegram.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.bots import POOL, Bot, BotAccounts, BotState, bot_id, free, low_key, profile_of, wants_bot
from domain.briefs import Brief
from domain.environment import TELEGRAM_BOT_TOKEN, Requirements
from domain.errors import BotLost, Broken, SlipwayError
from domain.protocols import Vault, Wakeups
from domain.redaction import Redactor
from domain.registry import Registry
from domain.vault import newest
from tasks.audit import record
from tasks.notify import tell_operator
from tasks.redaction import install
from tasks.retrying import only_try_again
from tasks.run_log import run_log

LOG = "slipway.bots"


@task(
    task_run_name="lease a bot for {project}",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 3, 10],
    retry_condition_fn=only_try_again,
)
async def lease_bot(
    project: str,
    requirements: Requirements,
    low: int,
    registry: Registry,
    vault: Vault,
    wakeups: Wakeups,
    accounts: BotAccounts,
) -> str:
    """Return the username of the project's bot; empty when it needs no token, brings its own, or none is free.

    Its name, descriptions and commands are those of the project's Brief.
    """
    bot = await leased(project, registry)
    if bot is None:
        await forget_given_back(project, registry, vault)
        given = [info.key for info in await vault.listed(project)]
        if not wants_bot(requirements, given):
            return ""
        bot = await registry.lease_bot(project, datetime.now(UTC))
        await warn_when_few(low, registry, wakeups)
    if bot is None:
        return ""
    await record(project, "slipway", f"bot @{bot.username} leased", registry, why=f"lease {bot.fence}", at=bot.since, once=True)
    await hand_over(bot, vault)
    found = await registry.project(project)
    if found is not None:
        await dress(bot, found.brief, registry, vault, accounts)
    return bot.username


async def leased(project: str, registry: Registry) -> Bot | None:
    """Return the bot that the project has."""
    mine = (bot for bot in await registry.bots() if bot.state is BotState.LEASED and bot.project == project)
    return next(mine, None)


async def hand_over(bot: Bot, vault: Vault) -> None:
    """Put the token among the project's secrets, unless there is one: a person's own, later, goes before the pool's."""
    if TELEGRAM_BOT_TOKEN not in newest(await vault.listed(bot.project)):
        await vault.put(bot.project, TELEGRAM_BOT_TOKEN, await token_of(bot, vault))


async def token_of(bot: Bot, vault: Vault) -> str:
    info = newest(await vault.listed(POOL)).get(bot.key)
    if info is None:
        raise Broken(f"the token of @{bot.username} is not in the vault: `slipway bots add` takes it again")
    token = await vault.get(info.reference)
    install(Redactor({bot.key: token}))
    return token


async def dress(bot: Bot, brief: Brief, registry: Registry, vault: Vault, accounts: BotAccounts) -> bool:
    """Give it the Brief's name, descriptions and commands; False when it has them, or Telegram would not.

    A bot serves without them too, and the janitor tries again.
    """
    profile = profile_of(brief)
    if bot.profile == profile.mark:
        return False
    try:
        token = await token_of(bot, vault)
        asked = await ask_telegram(bot, partial(accounts.dress, token, profile), registry)
    except SlipwayError as error:
        run_log(LOG).warning("@%s of %s keeps the name that it has: %s", bot.username, bot.project, error)
        return False
    return asked and await registry.dress_bot(bot, profile.mark)


async def ask_telegram(bot: Bot, call: Callable[[], Awaitable[None]], registry: Registry) -> bool:
    """Make the call, unless the bot was moved since it was read: Telegram knows no fence. Return whether it was made.

    Of a bot that moves during the call the name may be wrong afterwards: the janitor names it again for who has it then.
    """
    if not await is_unmoved(bot, registry):
        return False
    try:
        await call()
    finally:
        for row in await registry.bots():
            if row.id == bot.id and row.fence != bot.fence:
                await registry.dress_bot(row, "")
    return True


async def is_unmoved(bot: Bot, registry: Registry) -> bool:
    """Tell whether the row is still the one that was read."""
    return any((row.id, row.fence) == (bot.id, bot.fence) for row in await registry.bots())


async def warn_when_few(low: int, registry: Registry, wakeups: Wakeups) -> None:
    """Tell the operator, once for the bots that there are, that fewer than `low` are free; a pool never used is not told of."""
    bots = await registry.bots()
    there = [bot for bot in bots if bot.state is not BotState.RETIRED]
    if there and free(bots) < low:
        text = f"{free(bots)} of {len(there)} bots of the pool are free: `slipway bots add` takes the token of another one"
        await tell_operator(low_key(bots), text, registry, wakeups, datetime.now(UTC))


async def refuse_lost_bot(project: str, values: Mapping[str, str], registry: Registry) -> None:
    """Raise BotLost when a value is the token of a bot of the pool that the project does not have now.

    Called right before a copy starts: whoever loaded the token and slept until the bot was another's starts nothing with it.
    """
    ids = {found for value in values.values() if (found := bot_id(value))}
    for bot in await registry.bots() if ids else ():
        if bot.id in ids and (bot.state is not BotState.LEASED or bot.project != project):
            raise BotLost(project, bot.username)


async def forget_given_back(project: str, registry: Registry, vault: Vault) -> None:
    """Drop the token of a bot that the project gave back: whoever did that was killed before it was dropped."""
    for bot in await registry.bots():
        if bot.state is BotState.RESTING and bot.project == project and await is_left_behind(bot, vault):
            await forget_token(project, [await token_of(bot, vault)], vault)


async def is_left_behind(bot: Bot, vault: Vault) -> bool:
    """Tell whether the token of the bot still lies among the secrets of who had it last."""
    infos = await vault.listed(bot.project) if bot.project else ()
    return any([bot_id(await vault.get(info.reference)) == bot.id for info in infos if info.key == TELEGRAM_BOT_TOKEN])


async def forget_token(project: str, tokens: Collection[str], vault: Vault) -> None:
    """Drop the versions of the project's secrets that are one of these tokens."""
    infos = [info for info in await vault.listed(project) if info.key == TELEGRAM_BOT_TOKEN]
    await vault.forget(project, [info.reference for info in infos if await vault.get(info.reference) in tokens])
