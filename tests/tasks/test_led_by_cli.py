"""A turn of the dialogue by a CLI in a real worker, behind a real gateway; its model is a script."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from blocks.mcp_doors import McpDoors
from blocks.model_gateway import ModelGateway, gateway_doors
from blocks.process_engine.tree import Tree
from blocks.process_engine.workers import ProcessWorker
from deployments.gateway.upstream import Upstream
from domain.cli_agents import Arrangement
from domain.conversations import Heard, ToolResult, ToolUse
from domain.errors import Broken, ServiceUnreachable
from domain.proposals import Answered
from domain.workers import WorkerInfo, WorkerSpec
from tasks.led_by_cli import CliDesk
from tests.blocks.engine_bench import until
from tests.deployments.gateway_bench import KEY, REAL_KEY, opened
from tests.fakes.mcp_agent import AGENT, ENGINE
from tests.fakes.messages_api import Say, ScriptedMessagesAPI, use
from tests.tasks.talk_desk import ANN, TalkDesk, propose, reply

PROPOSE = f"call('propose', id='toolu_p', **{propose()['input']!r})\n"
ROLLBACK = "call('rollback', id='toolu_r', project='notes', why='it is slow')\n"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[TalkDesk]:
    async with opened(tmp_path, Upstream(REAL_KEY, "http://127.0.0.1:1")) as place:
        engine: Any = Room(tmp_path / "workers", ModelGateway(int(place.url.rpartition(":")[2]), KEY))
        made = TalkDesk(place.registry, "http://127.0.0.1:1")
        made.cli = CliDesk(Arrangement(engine=ENGINE), engine, made.wakeups, McpDoors(tmp_path))
        yield made
        assert (list(await engine.workers()), list((tmp_path / "doors").glob("*"))) == ([], [])
        assert made.wakeups.owners == {}


@pytest.fixture(autouse=True)
def _forget_the_script() -> Any:
    yield
    AGENT.script = ""


def turn_of(script: str) -> None:
    AGENT.script = script


async def parts(desk: TalkDesk) -> list[Any]:
    talk = await desk.talks.look(desk.person)
    return [part for message in await desk.registry.load(f"{talk.session}/product_owner") for part in message.parts]


async def test_proposal_is_shown_and_begun_in_the_next_turn_as_by_our_own_loop(desk: TalkDesk) -> None:
    turn_of(PROPOSE + "print(call('start')); reply('Shall I?', 'In green?')")
    shown = await desk.talk("a tea timer")
    assert shown.proposal
    assert (shown.reply.text, shown.reply.questions, shown.proposal.brief.slug) == ("Shall I?", ("In green?",), "timer")
    assert desk.deeds.started == [], "it was not shown before"
    turn_of("call('start'); reply('It is begun.')")
    begun = await desk.talk("yes")
    assert (begun.reply.text, [each.brief.slug for each in desk.deeds.started]) == ("It is begun.", ["timer"])
    calls = [part.name for part in await parts(desk) if isinstance(part, ToolUse)]
    assert calls == ["propose", "start", "reply", "start", "reply"]


async def test_each_turn_knows_all_that_was_said_whichever_engine_led_it(desk: TalkDesk) -> None:
    turn_of("call('costs'); reply('Nothing yet.')")
    await desk.talk("what did it cost?")
    with ScriptedMessagesAPI([Say([use("list_projects")]), Say([reply("You have one.")])]) as api:
        by_loop = TalkDesk(desk.registry, api.url)
        by_loop.talks, by_loop.said = desk.talks, desk.said
        await by_loop.talk("what do I have?")
        assert "what did it cost?" in str(api.requests[0].body["messages"])
        assert "Nothing yet." in str(api.requests[0].body["messages"])
    desk.said = by_loop.said
    wanted = ["what did it cost?", "Nothing yet.", "what do I have?", "list_projects", "You have one.", "and now?"]
    turn_of(f"places = [TASK.index(each) for each in {wanted!r}]; reply(str(places == sorted(places)))")
    assert (await desk.talk("and now?")).reply.text == "True"


async def test_what_is_said_meanwhile_is_told_beside_a_result_and_answered(desk: TalkDesk) -> None:
    costs = desk.registry.cost

    async def cost(project: str | None = None, run: str | None = None) -> Any:
        if project == "notes":
            await desk.say("in euros, please")
        return await costs(project, run)

    desk.registry = Watched(desk.registry, cost=cost)
    turn_of("told = call('costs', project='notes'); reply('In euros.' if 'in euros, please' in told else told)")
    answered = await desk.talk("what did it cost?")
    assert (answered.reply.text, answered.upto) == ("In euros.", 2)
    assert [part.text for part in await parts(desk) if isinstance(part, Heard)] == ["what did it cost?", "in euros, please"]


async def test_reply_that_is_overtaken_is_not_given(desk: TalkDesk) -> None:
    waiting = desk.talks.waiting

    async def waiting_now(name: str, epoch: int, after: int = 0) -> Any:
        if len(replies := [part for part in await parts(desk) if isinstance(part, ToolUse)]) == 1 and desk.said == 1:
            assert replies[0].name == "reply"
            await desk.say("no, in green")
        return await waiting(name, epoch, after)

    desk.talks.waiting = waiting_now
    turn_of("reply('In green.' if 'no, in green' in TASK else 'In red.')")
    answered = await desk.talk("a tea timer")
    assert (answered.reply.text, answered.upto) == ("In green.", 2)


async def test_killed_turn_is_taken_up_with_its_effects_done_once(desk: TalkDesk) -> None:
    await desk.say("go back")
    taken = await desk.take()
    turn_of(ROLLBACK + "import time; time.sleep(100)")
    cut_off = asyncio.create_task(desk.answer(taken))
    await until_result(desk, "toolu_r")
    cut_off.cancel()
    await asyncio.gather(cut_off, return_exceptions=True)
    left = WorkerSpec(identity="of-a-killed-process", project="notes", run=taken.talk.session, role="product_owner")
    await desk.cli.engine.spawn(left)
    turn_of("reply('Done.' if '\"call\": \"rollback\"' in TASK else 'Nothing was done.')")
    answered = await desk.answer(await desk.take())
    again = await desk.answer(await desk.take())
    assert answered == again == Answered.model_validate({"reply": {"text": "Done."}, "upto": 1})
    assert list(desk.deeds.rolled_back.values()) == ["notes"]


async def test_call_whose_process_died_in_it_is_made_again_under_its_own_key(desk: TalkDesk) -> None:
    rollback, begun = desk.deeds.rollback, asyncio.Event()

    async def dying(*given: Any, **more: Any) -> Any:
        await rollback(*given, **more)
        begun.set()
        await asyncio.Event().wait()

    desk.deeds.rollback = dying
    await desk.say("go back")
    turn_of(ROLLBACK + "reply('never')")
    cut_off = asyncio.create_task(desk.answer(await desk.take()))
    await asyncio.wait_for(begun.wait(), 60)
    cut_off.cancel()
    await asyncio.gather(cut_off, return_exceptions=True)
    desk.deeds.rollback = rollback
    turn_of("reply('It goes back.')")
    assert (await desk.answer(await desk.take())).reply.text == "It goes back."
    assert list(desk.deeds.rolled_back.values()) == ["notes"]
    assert [part.is_error for part in await parts(desk) if isinstance(part, ToolResult)] == [False, False]


async def test_cli_that_dies_begins_anew_with_what_it_has_done_and_not_for_ever(desk: TalkDesk) -> None:
    die = "import os, signal; os.kill(os.getppid(), signal.SIGKILL); os.kill(os.getpid(), signal.SIGKILL)"
    turn_of(f"if 'rollback' not in TASK.partition('go back')[2]: {ROLLBACK.strip()}; {die}\nreply('Done.')")
    assert (await desk.talk("go back")).reply.text == "Done."
    assert len(desk.deeds.rolled_back) == 1
    turn_of(die)
    with pytest.raises(Broken, match="3 times"):
        await desk.talk("go on")


async def test_call_that_comes_twice_is_one_and_unknown_ones_leave_no_trace(desk: TalkDesk) -> None:
    odd = "call('reply', text='x'); call('drop tables!'); call('costs', id='odd id')\n"
    turn_of(ROLLBACK + ROLLBACK + odd + "reply('Done.')")
    await desk.talk("go back")
    assert [part.name for part in await parts(desk) if isinstance(part, ToolUse)] == ["rollback", "reply"]


async def test_what_a_tool_raises_ends_the_turn_as_by_our_own_loop(desk: TalkDesk) -> None:
    async def unreachable(*_: Any, **__: Any) -> Any:
        raise ServiceUnreachable("the Prefect server", "rolling back", "gone")

    desk.deeds.rollback = unreachable
    turn_of(ROLLBACK + "import time; time.sleep(100)")
    with pytest.raises(ServiceUnreachable, match="rolling back"):
        await desk.talk("go back")


async def test_another_persons_projects_are_as_unknown_as_none(desk: TalkDesk) -> None:
    desk.person = "telegram:666"
    turn_of("reply(call('costs', project='notes') + call('list_projects'))")
    answered = (await desk.talk("what does notes cost?")).reply.text
    assert "notes" not in answered.replace("no project 'notes'", "")
    assert ANN not in answered


class Room:
    """Workers of the process engine, without the environment of an agent's that takes it half a minute to make."""

    def __init__(self, root: Path, gateway: ModelGateway) -> None:
        self._root = root
        self._gateway = gateway
        self._specs: dict[str, WorkerSpec] = {}

    async def spawn(self, spec: WorkerSpec) -> ProcessWorker:
        folder = self._root / spec.identity
        for name in ("workspace", "home", "tmp"):
            (folder / name).mkdir(parents=True)
        self._specs[spec.identity] = spec
        return ProcessWorker(folder, spec, Path(sys.prefix), None, gateway_doors(self._gateway, "127.0.0.1", spec))

    async def workers(self, run: str | None = None) -> list[WorkerInfo]:
        return [
            WorkerInfo(identity=spec.identity, project=spec.project, run=spec.run, role=spec.role, running=True)
            for spec in self._specs.values()
            if run in (None, spec.run)
        ]

    async def remove_worker(self, identity: str) -> None:
        await asyncio.to_thread(Tree(f"SLIPWAY_WORKER={self._root / identity}").kill)
        self._specs.pop(identity, None)


class Watched:
    """A registry of which some methods are another's."""

    def __init__(self, inner: Any, **others: Any) -> None:
        self._inner = inner
        self.__dict__.update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def until_result(desk: TalkDesk, identity: str) -> None:
    async def is_there() -> bool:
        return identity in [part.tool_use_id for part in await parts(desk) if isinstance(part, ToolResult)]

    await until(is_there, f"{identity} has its result", 60)
