"""The process that leads a conversation dies at any moment: the next one goes on, and what was stored is not paid twice."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.registry.block import SqlRegistry
from domain.conversations import Finished, Heard, Summary, ToolUse
from domain.runs import DeliveryRequest
from tests.fakes.messages_api import Answer, Asked, Fault, Say, ScriptedMessagesAPI, text, thinking, use
from tests.registry_database import lay_registry
from tests.tasks.agent_desk import DONE, FACTS, Desk
from tests.tasks.conftest import brief
from tests.tasks.fragile import Fate, Fragile, Killed

ROOT = Path(__file__).parents[2]
ANSWERS = 4
MOMENTS = 75
"""How many moments a whole conversation has: before and after each call of what it uses."""


def place(asked: Asked) -> str:
    """Name the call as the ledger does, without its attempt."""
    return f"{asked.headers['x-slipway-conversation']}/{asked.headers['x-slipway-turn']}"


def story() -> Callable[[Asked], Answer]:
    """Play a conversation with everything in it: parallel calls, a busy service, a full window, its summary, the end."""
    busy = iter([Fault(529)])

    def answer(asked: Asked) -> Answer:
        match place(asked).removeprefix(FACTS.conversation):
            case "/0":
                return Say([thinking(), use("bash", "t1", command="a"), use("bash", "t2", command="b")])
            case "/1":
                return next(busy, Say([text("look"), use("bash", "t3", command="c")]))
            case "/2":
                return Say([text("so"), use("bash", "t4", command="d")], stop_reason="model_context_window_exceeded")
            case "/summary/0":
                return Say([text("a, b and c are done")])
        return Say([DONE])

    return answer


async def lead(desk: Desk, fate: Fate) -> object:
    """Take the conversation up as a new process would: with nothing but what is stored."""
    life = Desk(desk.model.base_url or "")
    for name in ("transcripts", "ledger", "remarks", "model"):
        setattr(life, name, Fragile(getattr(desk, name), fate))
    life.ran = desk.ran
    life.run = Fragile(life, fate).run  # type: ignore[method-assign]
    return await life.talk()


@pytest.mark.parametrize("part", range(4))
async def test_killed_at_any_moment_it_goes_on_and_pays_for_each_stored_answer_once(part: int) -> None:
    for at in range(part + 1, MOMENTS + 1, 4):
        with ScriptedMessagesAPI(story()) as api:
            desk = Desk(api.url)
            desk.remarks.say("make it blue")
            with pytest.raises(Killed) as killed:
                await lead(desk, Fate(at))
            moment = f"{at}: {killed.value}"
            stored = (
                {message.payment.call for message in desk.messages if message.payment} if desk.transcripts.stored else set()
            )
            asked_before = Counter(map(place, api.requests))
            assert isinstance(await lead(desk, Fate()), Finished), moment
            api.assert_exhausted()
        check_money(desk, moment)
        check_words(desk, moment)
        asked = Counter(map(place, api.requests))
        for call in stored:
            assert asked[call.rpartition("/")[0]] == asked_before[call.rpartition("/")[0]], moment
        assert asked.total() <= ANSWERS + 1 + 1 + 1, moment


def check_money(desk: Desk, moment: str) -> None:
    """Each stored answer is one settled line, at its cost; at most the one that was on its way is still reserved."""
    paid = {m.payment.call: (m.payment.tokens, m.payment.micro_usd) for m in desk.messages if m.payment}
    assert desk.ledger.settled == paid, moment
    assert len(paid) == ANSWERS + 1, moment
    assert len(desk.ledger.reserved) <= 1, moment


def check_words(desk: Desk, moment: str) -> None:
    parts = [part for message in desk.messages for part in message.parts]
    assert [part.type for part in parts if isinstance(part, Heard | Summary)] == ["heard", "summary"], moment
    assert [part.id for part in parts if isinstance(part, ToolUse)][:4] == ["t1", "t2", "t3", "t4"], moment
    assert set(desk.ran) == {"a", "b", "c"}, moment
    assert len(desk.ran) <= 3 + 2, moment


async def test_the_moments_of_a_whole_conversation_are_all_tried() -> None:
    with ScriptedMessagesAPI(story()) as api:
        desk, fate = Desk(api.url), Fate()
        desk.remarks.say("make it blue")
        assert isinstance(await lead(desk, fate), Finished)
    assert len(fate.passed) == MOMENTS
    assert {"before reply", "after reply", "after append", "before settle", "after run", "after reserve"} <= set(fate.passed)


async def test_processes_that_are_killed_a_little_later_each_time_pay_for_each_answer_once(tmp_path: Path) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    await lay_registry(database)
    registry = SqlRegistry(url=database, budget_micro_usd=10**9)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    await registry.add_run(DeliveryRequest(run=FACTS.run, project=FACTS.project, request="x", brief=brief()), now)
    await registry.add_remark(FACTS.run, "me", "make it blue", now)
    with ScriptedMessagesAPI(story()) as api:
        command = (sys.executable, "-m", "tests.tasks.killed_agent", api.url, database)
        mother = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        codes = [int(line) for line in (await mother.communicate())[0].split()]
        api.assert_exhausted()
    assert codes[-1] == 0
    assert set(codes[:-1]) == {-signal.SIGKILL}
    assert len(codes) > 7
    paid = [message.payment for message in await registry.load(FACTS.conversation) if message.payment]
    lines = {line.call: line.micro_usd for line in await registry.usage(run=FACTS.run)}
    assert lines == {payment.call: payment.micro_usd for payment in paid}
    assert len(lines) == ANSWERS + 1
