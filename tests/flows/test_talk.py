"""A chat turn is a flow run inside the process that the person talks to, and its parameters are ids."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from pydantic import SecretStr

from blocks.caddy import Caddy
from blocks.claude.block import Claude
from blocks.git.block import BareGitHost
from blocks.installation import Installation
from blocks.process_engine.block import ProcessEngine
from blocks.registry.block import SqlRegistry
from blocks.vault import SecretVault
from blocks.wakeups import RedisWakeups
from deployments.desk.allowances import Allowances
from deployments.desk.deeds import DeskDeeds
from deployments.desk.requests import Desk
from deployments.prefect_server.setup import save
from domain.drafts import Deed, deed_in, reply_in
from domain.errors import Broken
from flows.opening import open_blocks
from flows.talk import chat_turn
from tasks.dialogue import Turn
from tests.blocks.services import redis_server
from tests.conftest import PrefectServer
from tests.fakes.messages_api import Say, ScriptedMessagesAPI
from tests.fakes.writing import Seen
from tests.tasks.conftest import registry  # noqa: F401  (a fixture)
from tests.tasks.talk_desk import propose, reply

WISH = "a tea timer for my kitchen"


async def test_turn_is_a_run_that_shows_no_words_and_is_over_when_it_is_answered(
    prefect_api: PrefectServer,
    registry: SqlRegistry,  # noqa: F811
    tmp_path: Path,
) -> None:
    with ScriptedMessagesAPI([Say([propose()]), Say([reply("Shall I build it?")])]) as api, redis_server() as redis:
        for block in (
            Installation(home=str(tmp_path), engine="process", model="claude-sonnet-5-5"),
            Claude(api_key=SecretStr("test-key"), base_url=api.url),
            SqlRegistry(url=registry.url, budget_micro_usd=5_000_000),
            RedisWakeups(url=SecretStr(redis.url)),
            SecretVault(),
            BareGitHost(folder=str(tmp_path / "git")),
            Caddy(admin=f"unix/{tmp_path}/none", listen=":1"),
            ProcessEngine(installation="tests", folder=str(tmp_path / "engine")),
        ):
            await save(block)
        desk = Desk(await open_blocks())
        await desk.blocks.talks.say("telegram:9", "u1", WISH, datetime.now(UTC))
        taken = await desk.blocks.talks.take("telegram:9", "bot")
        assert taken
        turn = Turn(name="telegram:9", epoch=taken.talk.epoch, number=taken.talk.turn, chat="9")
        deeds = DeskDeeds(desk, Allowances(desk.registry, desk.wakeups))
        seen = Seen()
        answered = await desk.talk(turn, deeds, seen)
        assert await desk.talk(turn, deeds) == answered
        assert len(api.requests) == 2
        with pytest.raises(Broken, match="cannot act on it"):
            await chat_turn(turn)

    assert [deed_in(seen.drafts[0]), reply_in(seen.drafts[-1])] == [Deed(tool="propose"), "Shall I build it?"]
    assert answered.proposal
    assert (answered.reply.text, answered.proposal.brief.slug) == ("Shall I build it?", "timer")
    async with get_client() as client:
        found = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[f"session:{turn.session}"]))
        )
    assert [run.name for run in found] == [f"turn {turn.number} of {turn.session}"] * 2
    assert WISH not in str([run.parameters for run in found])
    assert await registry.newest_epoch("telegram:9") == turn.epoch
    assert await registry.newest_epoch("telegram:8") is None
