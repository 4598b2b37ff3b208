"""Every tool of the dialogue, by somebody else than the owner: nothing is told, and nothing changes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from blocks.registry.block import SqlRegistry
from domain.conversations import ToolUse
from domain.host_claims import Domain
from domain.runs import Origin
from tasks.talk_tools import INPUTS, TALK_TOOLS, TalkTools
from tests.fakes.services import MemoryWakeups
from tests.tasks.conftest import brief
from tests.tasks.talk_desk import BOB, Counting

CANARY = "kanarienvogel"
GIVEN: dict[str, object] = {
    "project": "notes",
    "run": "r-000001",
    "name": "API_KEY",
    "why": "it is broken",
    "host": "shop.example.org",
    "request": "add a search",
    "brief": brief("notes").model_dump(mode="json"),
    "files": [],
}
"""What a tool is given for each of its fields. A tool with a new field needs its line here."""
OF_NOBODY = ("list_projects", "start", "hand_to_person")
"""Tools that are given no project."""


def tools_of_bob(registry: SqlRegistry, deeds: Any) -> TalkTools:
    wakeups: Any = MemoryWakeups()
    origin = Origin(channel="telegram", chat="2", person=BOB)
    return TalkTools(origin, "t-1", "t-1/product_owner", 1, registry, wakeups, deeds)


@pytest.mark.parametrize("tool", TALK_TOOLS)
async def test_tool_neither_tells_nor_changes_what_is_anothers(registry: SqlRegistry, tool: str) -> None:
    await registry.set_brief("notes", brief(title=CANARY, summary=CANARY))
    await registry.add_progress("r-000001", "note", CANARY, datetime.now(UTC))
    await registry.add_domain(Domain(project="notes", host=f"{CANARY}.example.org", by="local:me", added=datetime.now(UTC)))
    before = (await registry.runs(), await registry.domains("notes"), await registry.project("notes"))
    deeds = Counting(registry)
    tools = tools_of_bob(registry, deeds)
    given = {name: GIVEN[name] for name in INPUTS[tool][0].model_fields}
    result = await tools.run(ToolUse(id="u1", name=tool, input=given))
    assert CANARY not in result.text
    assert result.is_error is (tool not in OF_NOBODY or tool == "start")
    if {"project", "run"} & {*given}:
        assert "this person" in result.text, json.dumps(given)
    assert (deeds.started, deeds.rolled_back, deeds.domains, deeds.asked) == ([], {}, [], {})
    assert (await registry.runs(), await registry.domains("notes"), await registry.project("notes")) == before


async def test_tools_that_may_leave_the_project_out_tell_of_ones_own_alone(registry: SqlRegistry) -> None:
    await registry.set_brief("notes", brief(title=CANARY))
    tools = tools_of_bob(registry, Counting(registry))
    for tool in TALK_TOOLS:
        kind = INPUTS[tool][0]
        if all(not field.is_required() for field in kind.model_fields.values()):
            result = await tools.run(ToolUse(id="u1", name=tool, input={}))
            assert not {CANARY, "notes", "r-000001"} & {*result.text.replace(":", " ").split()}, tool
