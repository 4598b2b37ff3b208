"""The bot pool when two do something at once, or one is killed in between: nobody is left with a bot that has no token."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from blocks.registry.block import SqlRegistry
from domain.bots import POOL, Bot, BotState
from domain.errors import BadInput, Broken
from domain.runs import DeliveryRequest, RunState
from domain.workers import AppSpec, AppStatus
from tasks.bot_upkeep import retire_bot
from tests.fakes.engine import FakeEngine
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import brief
from tests.tasks.test_bots import ONE, REST, TWO, World

Meanwhile = Callable[[], Awaitable[object]]


class SlowEngine(FakeEngine):
    """`meanwhile` happens, once, while the copies are listed."""

    meanwhile: Meanwhile | None = None

    async def apps(self, project: str | None = None) -> Sequence[AppStatus]:
        found, happens, self.meanwhile = await super().apps(project), self.meanwhile, None
        if happens is not None:
            await happens()
        return found


class SlowVault(MemoryVault):
    """`before` happens, once, right before values are forgotten."""

    before: Meanwhile | None = None

    async def forget(self, project: str, references: Sequence[str]) -> None:
        happens, self.before = self.before, None
        if happens is not None:
            await happens()
        await super().forget(project, references)


class Street(World):
    """A world in which something can happen in between."""

    def __init__(self, registry: SqlRegistry) -> None:
        super().__init__(registry)
        self.engine = self.slow_engine = SlowEngine()
        self.vault = self.slow_vault = SlowVault()

    async def fail(self) -> None:
        await self.registry.update_run("r-000001", state=RunState.FAILED, ended=self.now)

    async def begin(self) -> None:
        """Begin another run of the project, as a change does."""
        asked = DeliveryRequest(run="r-000002", project="notes", change=True, request="again", brief=brief())
        await self.registry.add_run(asked, self.now)

    async def start_copy(self) -> None:
        await self.engine.start(AppSpec(identity="notes-v1", project="notes", run="r-000001", candidate="sha256:1"))

    async def retire(self, bot: Bot) -> None:
        await retire_bot(bot, "me", self.registry, self.vault, self.now)


@pytest.fixture
def world(registry: SqlRegistry) -> Street:
    return Street(registry)


async def test_run_that_begins_while_the_janitor_gives_its_bot_back_keeps_it(world: Street) -> None:
    await world.add()
    await world.lease()
    await world.fail()
    world.slow_engine.meanwhile = world.begin
    assert await world.tidy(2 * REST) == []
    assert ((await world.bot()).state, world.vault.held("notes")) == (BotState.LEASED, {"TELEGRAM_BOT_TOKEN": ONE})


async def test_copies_of_a_project_that_is_there_again_are_left_alone(world: Street) -> None:
    await world.add()
    await world.lease()
    await world.start_copy()
    await world.registry.remove_project("notes")

    async def again() -> None:
        await world.registry.add_project(brief(), "me", "notes.localhost", world.now)

    world.slow_engine.meanwhile = again
    assert await world.tidy() == []
    assert list(world.engine.live_apps) == ["notes-v1"]


async def test_token_that_was_left_behind_by_a_kill_is_forgotten_by_the_janitor_at_once(world: Street) -> None:
    await world.add()
    await world.lease()
    await world.registry.move_bot(await world.bot(), BotState.RESTING, world.now)  # killed right after
    world.accounts.wiped.clear()
    assert await world.tidy() == ["token of @one_bot"]
    assert (world.vault.held("notes"), world.accounts.wiped) == ({}, [ONE])
    assert await world.tidy() == []


async def test_project_whose_giving_back_was_killed_gets_another_bot(world: Street) -> None:
    await world.add()
    await world.lease()
    await world.registry.move_bot(await world.bot(), BotState.RESTING, world.now)  # killed right after
    await world.add(TWO)
    assert await world.lease() == "two_bot"
    assert world.vault.held("notes") == {"TELEGRAM_BOT_TOKEN": TWO}


async def test_bot_that_is_added_again_while_it_is_retired_keeps_its_token(world: Street) -> None:
    bot = await world.add()
    world.slow_vault.before = world.add
    await world.retire(bot)
    assert ((await world.bot()).state, world.vault.held(POOL)) == (BotState.FREE, {"BOT_111": ONE})


async def test_who_slept_until_a_retired_bot_was_added_again_takes_no_token(world: Street) -> None:
    retired = await world.registry.move_bot(await world.add(), BotState.RETIRED, world.now)
    assert retired is not None
    await world.add()
    await world.retire(retired)
    assert world.vault.held(POOL) == {"BOT_111": ONE}


async def test_janitor_that_retires_while_the_bot_is_added_again_leaves_its_token(world: Street) -> None:
    await world.registry.move_bot(await world.add(), BotState.RETIRED, world.now)  # killed before its token went
    world.slow_vault.before = world.add
    await world.tidy()
    assert ((await world.bot()).state, world.vault.held(POOL)) == (BotState.FREE, {"BOT_111": ONE})


async def test_lost_token_of_a_leased_bot_is_stored_by_the_command_that_the_complaint_names(world: Street) -> None:
    await world.add()
    await world.lease()
    await world.vault.delete(POOL, "BOT_111")
    await world.vault.clear("notes")
    with pytest.raises(Broken, match="`slipway bots add` takes it again"):
        await world.lease()
    before, world.accounts.wiped = await world.bot(), []
    assert await world.add() == before
    assert world.accounts.wiped == []
    assert await world.lease() == "one_bot"
    with pytest.raises(BadInput, match="is the bot of notes"):
        await world.add()


async def test_new_token_that_comes_while_the_bot_is_retired_is_not_replaced_by_the_old_one(world: Street) -> None:
    bot, renewed = await world.add(), "111:" + "B" * 35  # @BotFather gave another one for the same bot
    world.accounts.names[renewed] = "one_bot"
    world.slow_vault.before = lambda: world.add(renewed)
    await world.retire(bot)
    assert ((await world.bot()).state, world.vault.held(POOL)) == (BotState.FREE, {"BOT_111": renewed})
