"""The bot pool over the real registry: leased, dressed, given back, rested; killed after each step, and done again."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.bots import POOL, Bot, BotState, profile_of
from domain.env_rules import requirements
from domain.errors import BadInput, BotLost
from domain.runs import RunState
from domain.workers import AppSpec
from tasks.bot_upkeep import add_bot, give_back_bot, retire_bot, settle, tidy_bots
from tasks.bots import dress, lease_bot, leased, refuse_lost_bot
from tasks.deployer import start_copy
from tasks.migration import ended_command
from tasks.removal import remove_project
from tests.fakes.bot_accounts import MemoryAccounts
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import brief

ONE, TWO = (f"{number}:" + "A" * 35 for number in (111, 222))
REST = timedelta(hours=24)
NEEDS = requirements("TELEGRAM_BOT_TOKEN=\n")


class World:
    """What the tasks stand on, with everybody's clock."""

    def __init__(self, registry: SqlRegistry) -> None:
        self.registry = registry
        self.vault, self.wakeups, self.engine = MemoryVault(), MemoryWakeups(), FakeEngine()
        self.accounts = MemoryAccounts({ONE: "one_bot", TWO: "two_bot"})
        self.now = datetime.now(UTC)

    async def add(self, token: str = ONE) -> Bot:
        return await add_bot(token, "me", "", self.registry, self.vault, self.accounts, self.now)

    async def lease(self, project: str = "notes", low: int = 1) -> str:
        at = self
        return await lease_bot.fn(project, NEEDS, low, at.registry, at.vault, at.wakeups, at.accounts)

    async def tidy(self, after: timedelta = timedelta(0)) -> list[str]:
        at, now = self, self.now + after
        return list(await tidy_bots.fn(REST, at.registry, at.vault, at.engine, at.accounts, now))

    async def bot(self) -> Bot:
        [bot] = await self.registry.bots()
        return bot

    async def told(self) -> list[str]:
        return [told.text for told in await self.registry.unsent("operator")]

    async def lease_to_chat(self) -> str:
        """Free what rests, and let another, new project have it."""
        await self.registry.add_project(brief("chat", title="Chat"), "me", "chat.localhost", self.now)
        return await self.lease_again("chat")

    async def lease_again(self, project: str) -> str:
        """Free what rests, and let the project have it."""
        await self.tidy(2 * REST)
        return await self.lease(project)

    async def give_back(self) -> Bot | None:
        return await give_back_bot("notes", "gone", self.registry, self.vault, self.accounts, self.now)

    async def remove(self, folder: Path) -> None:
        git, at = BareGitHost(folder=str(folder)), self
        await git.create("notes")
        await remove_project("notes", "me", at.registry, at.engine, MemoryProxy(), at.vault, git, at.accounts)


@pytest.fixture
def world(registry: SqlRegistry) -> World:
    return World(registry)


async def test_project_gets_a_bot_with_token_and_name_and_keeps_it_over_releases(world: World) -> None:
    await world.add()
    assert await world.lease() == "one_bot"
    assert world.vault.held("notes") == {"TELEGRAM_BOT_TOKEN": ONE}
    assert world.accounts.profiles == {ONE: profile_of(brief())}
    assert await world.lease() == "one_bot"
    lines = [line.what for line in await world.registry.history("notes")]
    assert lines == ["bot @one_bot leased"]
    assert ONE not in str(await world.registry.history()) + repr(await world.registry.bots())


async def test_whoever_brings_a_token_leaves_the_pool_alone(world: World) -> None:
    await world.add()
    world.vault.hold("notes", "TELEGRAM_BOT_TOKEN", TWO)
    assert await world.lease() == ""
    assert (await world.bot()).state is BotState.FREE


async def test_operator_is_warned_once_that_few_are_free_and_again_after_one_was_added(world: World) -> None:
    assert await world.lease() == ""
    assert await world.told() == []  # this pool was never used
    await world.add()
    await world.lease()
    await world.registry.add_project(brief("chat"), "me", "chat.localhost", world.now)
    assert await world.lease("chat") == ""
    warning = "of the pool are free: `slipway bots add` takes the token of another one"
    assert await world.told() == [f"0 of 1 bots {warning}"]
    await world.add(TWO)
    assert await world.lease("chat") == "two_bot"
    assert await world.told() == [f"0 of 1 bots {warning}", f"0 of 2 bots {warning}"]


async def test_lease_that_was_killed_before_its_token_came_is_the_same_projects_again(world: World) -> None:
    await world.add()
    assert await world.registry.lease_bot("notes", world.now)
    assert await world.lease() == "one_bot"
    assert world.vault.held("notes") == {"TELEGRAM_BOT_TOKEN": ONE}


async def test_bot_that_telegram_would_not_name_serves_and_is_named_by_the_janitor(world: World) -> None:
    await world.add()
    world.accounts.away = True
    assert await world.lease() == "one_bot"
    world.accounts.away = False
    assert await world.tidy() == ["bot @one_bot named Notes"]
    assert await world.tidy() == []
    assert world.accounts.profiles == {ONE: profile_of(brief())}


async def test_removed_projects_bot_rests_cleared_and_is_free_after_its_time(world: World, tmp_path: Path) -> None:
    await world.add()
    await world.lease()
    world.accounts.wiped.clear()
    await world.remove(tmp_path / "git")
    assert ((await world.bot()).state, world.accounts.wiped, world.accounts.profiles) == (BotState.RESTING, [ONE], {})
    assert world.vault.held("notes") == {}
    assert await world.tidy(REST - timedelta(hours=1)) == []
    assert await world.tidy(REST + timedelta(hours=1)) == ["bot @one_bot free"]
    freed = await world.bot()
    assert (freed.state, freed.project) == (BotState.FREE, "")


async def test_bot_that_cannot_be_cleared_is_nobodys_until_it_is(world: World) -> None:
    await world.add()
    await world.lease()
    world.accounts.away = True
    await world.give_back()
    assert world.vault.held("notes") == {}
    assert await world.tidy(2 * REST) == []
    world.accounts.away = False
    assert await world.tidy(2 * REST) == ["bot @one_bot free"]


async def test_lease_of_a_project_that_is_gone_is_given_back_with_every_copy_that_has_the_token(world: World) -> None:
    await world.add()
    await world.lease()
    await world.engine.start(AppSpec(identity="notes-v1", project="notes", run="r-000001", candidate="sha256:1"))
    await world.registry.remove_project("notes")  # as if the removal had been killed before it gave the bot back
    assert await world.tidy() == ["bot @one_bot given back"]
    assert (world.engine.live_apps, (await world.bot()).state) == ({}, BotState.RESTING)


async def test_project_that_never_went_online_and_has_ended_gives_its_bot_back(world: World) -> None:
    await world.add()
    await world.lease()
    await world.tidy()
    assert await world.tidy(2 * REST) == []  # its run is open
    await world.registry.update_run("r-000001", state=RunState.FAILED, ended=world.now)
    assert await world.tidy() == []
    assert await world.tidy(2 * REST) == ["bot @one_bot given back"]
    assert world.vault.held("notes") == {}


async def test_who_slept_until_the_bot_was_anothers_starts_nothing_with_its_token(world: World) -> None:
    """The copy of a deploy that loaded the token before the bot was given back: its start is refused."""
    await world.add()
    await world.lease()
    token = world.vault.held("notes")["TELEGRAM_BOT_TOKEN"]
    values = {"TELEGRAM_BOT_TOKEN": token, "PORT": "8000"}
    await refuse_lost_bot("notes", values, world.registry)
    await world.give_back()
    with pytest.raises(BotLost, match="@one_bot belongs to the bot pool"):
        await refuse_lost_bot("notes", values, world.registry)
    await world.tidy(2 * REST)
    await world.registry.add_project(brief("chat"), "me", "chat.localhost", world.now)
    assert await world.lease("chat") == "one_bot"
    with pytest.raises(BotLost):
        await refuse_lost_bot("notes", values, world.registry)
    await refuse_lost_bot("chat", values, world.registry)
    await refuse_lost_bot("notes", {"TELEGRAM_BOT_TOKEN": TWO}, world.registry)  # its person's own


async def test_neither_copy_nor_command_of_a_release_is_started_with_a_bot_that_was_given_back(world: World) -> None:
    await world.add()
    await world.lease()
    reference = await world.vault.put("notes", "TELEGRAM_BOT_TOKEN", ONE)
    version = await world.registry.add_environment("notes", {"TELEGRAM_BOT_TOKEN": reference}, {})
    fence = await world.registry.next_fence("notes")
    release = await world.registry.add_release(
        "notes", "r-000001", "c" * 40, "sha256:1", version.number, world.now, fence=fence
    )
    bot = await leased("notes", world.registry)
    assert bot is not None
    await world.registry.move_bot(bot, BotState.RESTING, world.now)  # the row first: its token is still there
    with pytest.raises(BotLost):
        await start_copy(release, "web", world.registry, world.engine, world.vault)
    with pytest.raises(BotLost):
        await ended_command(release, 1.0, world.registry, world.engine, world.vault)
    assert world.engine.live_apps == {}


async def test_janitor_that_slept_until_the_bot_was_anothers_neither_clears_nor_forgets(world: World) -> None:
    await world.add()
    await world.lease()
    resting = await world.give_back()
    assert resting is not None
    assert await world.lease_to_chat() == "one_bot"
    world.accounts.wiped.clear()
    world.vault.hold("notes", "TELEGRAM_BOT_TOKEN", ONE)
    assert not await settle(resting, world.registry, world.vault, world.accounts)
    assert (world.accounts.wiped, world.accounts.profiles[ONE].name) == ([], "Chat")
    assert world.vault.held("notes") == {"TELEGRAM_BOT_TOKEN": ONE}


async def test_deploy_that_slept_until_the_bot_was_anothers_does_not_name_it(world: World) -> None:
    await world.add()
    slept = await world.registry.lease_bot("notes", world.now)
    assert slept is not None
    await world.give_back()
    assert await world.lease_to_chat() == "one_bot"
    assert not await dress(slept, brief(), world.registry, world.vault, world.accounts)
    assert world.accounts.profiles[ONE].name == "Chat"


async def test_bot_that_was_leased_while_it_was_cleared_or_named_for_the_last_one_is_named_again(world: World) -> None:
    await world.add()
    slept = await world.registry.lease_bot("notes", world.now)
    assert slept is not None

    async def goes_on() -> None:
        await world.give_back()
        await world.lease_to_chat()

    world.accounts.meanwhile = goes_on
    assert not await dress(slept, brief(), world.registry, world.vault, world.accounts)
    assert world.accounts.profiles[ONE].name == "Notes"  # what was on its way arrived last
    assert await world.tidy() == ["bot @one_bot named Chat"]
    resting = await world.registry.move_bot(await world.bot(), BotState.RESTING, world.now)
    assert resting is not None
    world.accounts.meanwhile = partial(world.lease_again, "chat")
    await settle(resting, world.registry, world.vault, world.accounts)
    assert world.accounts.profiles == {}
    assert await world.tidy() == ["bot @one_bot named Chat"]


async def test_token_that_is_none_or_refused_or_our_own_bots_is_not_taken(world: World) -> None:
    at = world
    for token, own, told in (("nonsense", "", "no bot token"), (ONE, ONE, "Slipway's own bot")):
        with pytest.raises(BadInput, match=told):
            await add_bot(token, "me", own, at.registry, at.vault, at.accounts, at.now)
    assert await at.registry.bots() == ()


async def test_bot_whose_adding_was_killed_is_retired_without_its_token_and_free_with_it(world: World) -> None:
    await world.registry.add_bot("111", "one_bot", world.now)
    assert await world.tidy(2 * REST) == ["bot @one_bot retired"]
    bot = await world.registry.add_bot("111", "one_bot", world.now)
    await world.vault.put(POOL, bot.key, ONE)  # killed before it was cleared
    assert await world.tidy(2 * REST) == ["bot @one_bot free"]
    assert world.accounts.wiped == [ONE]


async def test_retired_bot_leaves_no_token_and_a_leased_one_stays(world: World) -> None:
    await world.add()
    await world.lease()
    with pytest.raises(BadInput, match="is the bot of notes"):
        await retire_bot(await world.bot(), "me", world.registry, world.vault, world.now)
    await world.give_back()
    await retire_bot(await world.bot(), "me", world.registry, world.vault, world.now)
    assert ((await world.bot()).state, world.vault.held(POOL)) == (BotState.RETIRED, {})
    await world.add()
    world.vault.hold(POOL, "BOT_111", ONE)
    await world.registry.move_bot(await world.bot(), BotState.RETIRED, world.now)  # killed before its token went
    assert await world.tidy() == ["token of @one_bot"]
    assert world.vault.held(POOL) == {}
