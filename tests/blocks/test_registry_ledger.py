"""The ledger never lets a project pass its budget, whoever asks at once and whoever dies in between."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import BudgetSpent, UnknownObject
from domain.escalations import Answer, Diagnosis
from domain.runs import DeliveryRequest, Origin
from domain.usage import Cost, TokenUsage
from tests.blocks.ledger_process import BUDGET, PRICE, spend
from tests.fakes.desk import a_brief

TOKENS = TokenUsage(input=10, output=20, cache_read=300, cache_write=40)
ROOT = Path(__file__).parents[2]


async def reserve(registry: SqlRegistry, call: str, micro_usd: int, project: str = "notes", run: str = "r-1") -> None:
    await registry.reserve(call, project, run, "developer", "model-x", micro_usd)


async def test_settled_call_replaces_its_reservation(registry: SqlRegistry) -> None:
    await reserve(registry, "a", 500_000)
    assert await registry.cost("notes") == Cost(reserved_micro_usd=500_000)
    await registry.settle("a", TOKENS, 1234)
    assert await registry.cost("notes") == Cost(calls=1, tokens=TOKENS, micro_usd=1234)
    (line,) = await registry.usage("notes")
    assert (line.call, line.run, line.node, line.model, line.tokens, line.micro_usd) == (
        "a",
        "r-1",
        "developer",
        "model-x",
        TOKENS,
        1234,
    )
    assert line.at.tzinfo is not None


async def test_reservation_that_would_pass_the_budget_is_refused_with_the_figures(registry: SqlRegistry) -> None:
    await reserve(registry, "a", 600_000)
    await registry.settle("a", TOKENS, 400_000)
    await reserve(registry, "b", 600_000)
    with pytest.raises(BudgetSpent) as refused:
        await reserve(registry, "c", 1)
    assert refused.value.args == ("notes", 1.0, 1.0)
    assert (await registry.cost("notes")).reserved_micro_usd == 600_000
    await reserve(registry, "c", BUDGET, project="other")


async def test_lines_of_a_run_follow_it_to_the_project_that_came_of_it(registry: SqlRegistry) -> None:
    await reserve(registry, "a", 500_000, project="new-r-1")
    await registry.settle("a", TOKENS, 1234)
    await reserve(registry, "b", 100, project="notes", run="r-2")
    await registry.rebook("r-1", "shop")
    assert (await registry.cost("shop")).micro_usd == 1234
    assert await registry.cost("new-r-1") == Cost()
    assert (await registry.cost("notes")).reserved_micro_usd == 100


async def test_released_call_gives_its_money_back_and_can_be_reserved_again(registry: SqlRegistry) -> None:
    await reserve(registry, "a", BUDGET)
    await registry.release("a")
    await registry.release("a")
    await reserve(registry, "a", BUDGET)
    assert await registry.cost() == Cost(reserved_micro_usd=BUDGET)


async def test_settling_and_reserving_again_change_nothing(registry: SqlRegistry) -> None:
    await reserve(registry, "a", 10)
    await reserve(registry, "a", 20)
    assert (await registry.cost()).reserved_micro_usd == 10
    await registry.settle("a", TOKENS, 5)
    await registry.settle("a", TokenUsage(input=9), 900)
    await registry.release("a")
    await reserve(registry, "a", BUDGET * 2)
    assert await registry.cost() == Cost(calls=1, tokens=TOKENS, micro_usd=5)


async def test_call_that_was_never_reserved_cannot_be_settled(registry: SqlRegistry) -> None:
    with pytest.raises(UnknownObject, match="reservation 'x'"):
        await registry.settle("x", TOKENS, 1)


async def test_cost_and_lines_are_told_by_project_and_by_run(registry: SqlRegistry) -> None:
    for call, project, run in (("a", "notes", "r-1"), ("b", "notes", "r-2"), ("c", "other", "r-3")):
        await reserve(registry, call, 100, project, run)
        await registry.settle(call, TOKENS, 7)
    costs = [
        await registry.cost(),
        await registry.cost("notes"),
        await registry.cost("notes", "r-2"),
        await registry.cost("no"),
    ]
    assert [cost.micro_usd for cost in costs] == [21, 14, 7, 0]
    assert [line.call for line in await registry.usage(run="r-3")] == ["c"]


async def test_many_tasks_at_once_get_exactly_what_fits(registry: SqlRegistry) -> None:
    granted = await spend(registry.url.get_secret_value(), "task", 50)
    assert granted == BUDGET // PRICE
    assert (await registry.cost("notes")).reserved_micro_usd == granted * PRICE


async def test_many_processes_at_once_get_exactly_what_fits_and_what_the_dead_reserved_stays(registry: SqlRegistry) -> None:
    url = registry.url.get_secret_value()
    command = (sys.executable, "-m", "tests.blocks.ledger_process", url)
    spenders = [
        await asyncio.create_subprocess_exec(*command, name, "20", cwd=ROOT, stdout=asyncio.subprocess.PIPE) for name in "ab"
    ]
    told = [int((await spender.communicate())[0]) for spender in spenders]
    assert sum(told) == BUDGET // PRICE
    # They ended without settling, as killed ones do: nothing new fits, and each call finds its own money under its id.
    with pytest.raises(BudgetSpent):
        await reserve(registry, "new", PRICE)
    assert [await spend(url, name, 20) for name in "ab"] == told


async def test_project_of_a_name_that_another_had_pays_for_itself_alone(registry: SqlRegistry) -> None:
    early, late = datetime(2026, 11, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
    brief = a_brief("notes", "Notes")
    for run, owner, made, price in (("r-bobbob", "local:bob", early, 900_000), ("r-annann", "local:ann", late, 700_000)):
        await reserve(registry, f"brief {run}", price, f"new-{run}", run)  # a Brief is paid for before there is a name
        await registry.settle(f"brief {run}", TOKENS, price)
        request = DeliveryRequest(run=run, project="notes", request="it", brief=brief, origin=Origin(person=owner))
        await registry.add_run(request, made)
        await registry.add_project(brief, owner, "notes.localhost", made)
        await registry.rebook(run, "notes")
        more = Answer(choice="more_budget", usd=0.5, by=owner, door="cli")
        await registry.add_escalation(
            run, 1, Diagnosis(kind="budget", cause="budget", reason="it is spent", choices=("more_budget", "stop")), made, made
        )
        await registry.answer_escalation(run, 1, more, made)
        assert (await registry.cost("notes")).micro_usd == price
        assert [line.run for line in await registry.usage("notes")] == [run]
        assert await registry.budget("notes") == BUDGET + 500_000
        line = (await registry.project_lines(["notes"]))["notes"]
        assert (line.micro_usd, line.last and line.last.id) == (price, run)
        assert await registry.spent_by(owner, early) == price
        if owner == "local:bob":
            await registry.remove_project("notes")
    assert (await registry.cost()).micro_usd == 1_600_000
    assert (await registry.cost(run="r-bobbob")).micro_usd == 900_000
    await reserve(registry, "next", 800_000, run="r-annann")
    with pytest.raises(BudgetSpent):
        await reserve(registry, "one more", 1, run="r-annann")
