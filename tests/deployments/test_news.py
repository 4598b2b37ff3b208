"""News for people at the terminal: told once, to whom they concern."""

import io

from rich.console import Console

from blocks.registry.block import SqlRegistry
from deployments.news import show_news
from domain.runs import Origin, RunState
from tasks.notify import end_run, tell_operator
from tests.fakes.services import MemoryWakeups
from tests.tasks.conftest import NOW, registry, request  # noqa: F401  (a fixture among them)


async def told(registry: SqlRegistry, person: str, *, operator: bool = False) -> str:  # noqa: F811
    screen = Console(file=io.StringIO(), width=100)
    await show_news(registry, person, screen, operator=operator)
    return screen.file.getvalue()  # type: ignore[attr-defined,no-any-return]


async def test_end_of_a_run_is_told_to_its_person_once_and_to_nobody_else(registry: SqlRegistry) -> None:  # noqa: F811
    await registry.add_run(request("r-000002", origin=Origin(person="local:you")), NOW)
    await end_run.fn("r-000001", RunState.FAILED, "not delivered: \x1b[31mred\nevidence", "", registry, MemoryWakeups())
    await end_run.fn("r-000002", RunState.DELIVERED, "it is online", "http://x", registry, MemoryWakeups())

    mine = await told(registry, "local:me")

    assert mine.startswith("\nNews since you looked last:\n")
    assert "  not delivered: red\n" in mine
    assert "evidence" not in mine
    assert "it is online" not in mine
    assert await told(registry, "local:me") == ""
    assert "it is online" in await told(registry, "local:you")


async def test_what_is_for_the_operator_is_told_whole_where_no_chat_tells_it(registry: SqlRegistry) -> None:  # noqa: F811
    await tell_operator("digest:2026-11-28", "the day\nnotes: live", registry, MemoryWakeups(), NOW)

    assert await told(registry, "local:me") == ""
    said = await told(registry, "local:me", operator=True)

    assert said.endswith("  the day\n                  notes: live\n")
    assert await told(registry, "local:me", operator=True) == ""
