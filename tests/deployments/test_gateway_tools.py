"""Tools of ours at the gateway, driven by the Model Context Protocol's own client over real HTTP."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from blocks.mcp_doors import McpDoors
from deployments.gateway.upstream import Upstream
from domain.conversations import ToolResult, ToolSpec, ToolUse
from domain.errors import ServiceUnreachable
from domain.gateway import TOOLS, Access, Use, token_of
from domain.tool_doors import CALL_LIMIT
from tests.deployments.gateway_bench import KEY, REAL_KEY, Place, body, opened

SESSION = "t-0123456789-0"
SCHEMA = {"type": "object", "properties": {"project": {"type": "string"}}, "required": ["project"]}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HEADERS = {"accept": "application/json, text/event-stream"}


class Notebook:
    """Tools of one chat, which keep what they were asked."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.asked: list[ToolUse] = []

    @property
    def specs(self) -> Sequence[ToolSpec]:
        return [ToolSpec(name="costs", description=f"Costs of {self.owner}", input_schema=SCHEMA)]

    async def run(self, call: ToolUse) -> ToolResult:
        self.asked.append(call)
        if call.name == "broken":
            raise ServiceUnreachable("the registry", "reading", "secret-detail")
        known = call.input.get("project") == self.owner
        text = f"{self.owner} cost $1" if known else "there is no such project"
        return ToolResult(tool_use_id=call.id, text=text, is_error=not known)


def token(door: str, seconds: int = 60, use: Use = "tools", key: str = KEY) -> str:
    expires = int(time.time()) + seconds
    access = Access(
        run=SESSION, project="t-0123456789", role="product_owner", conversation=f"{SESSION}/product_owner", expires=expires,
        use=use, door=door,
    )  # fmt: skip
    return token_of(access, key)


@asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[tuple[Place, McpDoors]]:
    async with opened(folder, Upstream(REAL_KEY, "http://127.0.0.1:1")) as place:
        yield place, McpDoors(folder)


@asynccontextmanager
async def client(place: Place, given: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {given}"}, timeout=60) as http,
        Client(streamable_http_client(place.url + TOOLS, http_client=http)) as found,
    ):
        yield found


async def posted(place: Place, given: str, content: Any = LIST) -> httpx.Response:
    headers = {**HEADERS, "authorization": f"Bearer {given}", "content-type": "application/json"}
    sent = content if isinstance(content, bytes) else json.dumps(content)
    async with httpx.AsyncClient(timeout=60) as http:
        return await http.post(place.url + TOOLS, headers=headers, content=sent)


async def test_tools_are_listed_and_called_and_what_went_wrong_is_told_as_a_tools_error(tmp_path: Path) -> None:
    anns = Notebook("anns")
    async with gateway(tmp_path) as (place, doors), doors.opened("ann-1", anns), client(place, token("ann-1")) as mcp:
        [tool] = (await mcp.list_tools()).tools
        good = await mcp.call_tool("costs", {"project": "anns"}, meta={"claudecode/toolUseId": "toolu_7"})
        bad = await mcp.call_tool("costs", {"project": "bobs"})
    assert (tool.name, tool.description, tool.input_schema) == ("costs", "Costs of anns", SCHEMA)
    assert (good.is_error, good.content[0].model_dump()["text"]) == (False, "anns cost $1")
    assert (bad.is_error, bad.content[0].model_dump()["text"]) == (True, "there is no such project")
    assert [call.input for call in anns.asked] == [{"project": "anns"}, {"project": "bobs"}]
    assert anns.asked[0].id == "toolu_7", "the model's own name of the call"


async def test_what_a_tool_raises_tells_the_agent_no_detail(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (place, doors), doors.opened("ann-1", Notebook("anns")):
        call = {**LIST, "method": "tools/call", "params": {"name": "broken", "arguments": {}}}
        answer = (await posted(place, token("ann-1"), call)).json()
    assert answer["result"]["isError"]
    assert "secret-detail" not in str(answer)


async def test_each_token_opens_its_own_door_and_no_other(tmp_path: Path) -> None:
    anns, bobs = Notebook("anns"), Notebook("bobs")
    async with (
        gateway(tmp_path) as (place, doors), doors.opened("ann-1", anns), doors.opened("bob-1", bobs),
        client(place, token("ann-1")) as mcp,
    ):  # fmt: skip
        other = await mcp.call_tool("costs", {"project": "bobs"})
    assert other.is_error
    assert bobs.asked == []


@pytest.mark.parametrize(
    "given",
    [
        "nobody", "slipway-gw-forged.00", token("ann-1", seconds=-1), token("ann-1", key="another installation's"),
        token("ann-1", use="models"), token(""), token("ann-2"),
    ],
)  # fmt: skip
async def test_nobody_else_comes_in(tmp_path: Path, given: str) -> None:
    anns = Notebook("anns")
    async with gateway(tmp_path) as (place, doors), doors.opened("ann-1", anns):
        answer = await posted(place, given, {**LIST, "method": "tools/call", "params": {"name": "costs"}})
    assert answer.status_code == 401
    assert anns.asked == []


@pytest.mark.parametrize("use", ["tools", "models"])
async def test_tokens_end_with_their_door(tmp_path: Path, use: Use) -> None:
    path = TOOLS if use == "tools" else "/v1/messages"
    async with gateway(tmp_path) as (place, doors), place.http(token("ann-1", use=use)) as http:
        async with doors.opened("ann-1", Notebook("anns")):
            during = await http.post(path, json=LIST if use == "tools" else body(), headers=HEADERS)
        after = await http.post(path, json=LIST if use == "tools" else body(), headers=HEADERS)
    assert (during.status_code == 401, after.status_code) == (False, 401)
    assert "has ended" in after.text


async def test_tools_token_asks_no_model(tmp_path: Path) -> None:
    async with (
        gateway(tmp_path) as (place, doors), doors.opened("ann-1", Notebook("anns")), place.http(token("ann-1")) as http,
    ):  # fmt: skip
        answer = await http.post("/v1/messages", json=body())
    assert (answer.status_code, "not for models" in answer.text) == (401, True)


async def test_door_that_a_killed_process_left_is_opened_again(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (place, doors):
        async with doors.opened("ann-1", Notebook("anns")):
            (tmp_path / "doors" / "ann-1").rename(tmp_path / "kept")
        (tmp_path / "kept").rename(tmp_path / "doors" / "ann-1")
        (tmp_path / "doors" / "old").touch()
        os.utime(tmp_path / "doors" / "old", (0, 0))
        assert (await posted(place, token("ann-1"))).status_code == 401
        async with doors.opened("ann-1", Notebook("anns")):
            assert (await posted(place, token("ann-1"))).status_code == 200
            assert [each.name for each in (tmp_path / "doors").iterdir()] == ["ann-1"], "and what is old is swept"
        assert (tmp_path / "doors").stat().st_mode & 0o777 == 0o700


async def test_call_that_is_cut_off_is_over_when_its_door_is_shut(tmp_path: Path) -> None:
    class Endless(Notebook):
        begun, over = asyncio.Event(), False

        async def run(self, call: ToolUse) -> ToolResult:
            self.begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                for _ in range(100):  # as a registry lets go of its connection
                    await asyncio.sleep(0)
                self.over = True
            raise AssertionError(call)

    anns = Endless("anns")
    async with gateway(tmp_path) as (place, doors), AsyncExitStack() as stack:
        async with doors.opened("ann-1", anns):
            mcp = await stack.enter_async_context(client(place, token("ann-1")))
            calling = asyncio.create_task(mcp.call_tool("costs", {"project": "anns"}))
            await asyncio.wait_for(anns.begun.wait(), 60)
        assert anns.over
        await asyncio.gather(calling, return_exceptions=True)


async def test_what_is_no_call_of_a_tool_is_refused_and_the_door_stays_open(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (place, doors), doors.opened("ann-1", Notebook("anns")):
        given = token("ann-1")
        big, garbled = await posted(place, given, b"[" * (CALL_LIMIT + 1)), await posted(place, given, b'{"jsonrpc"')
        unknown = await posted(place, given, {**LIST, "method": "resources/list"})
        async with place.http(given) as http:
            reading, ending = await http.get(TOOLS), await http.delete(TOOLS)
        still = await posted(place, given)
    assert (big.status_code, garbled.status_code, reading.status_code, ending.status_code) == (413, 400, 405, 405)
    assert "error" in unknown.json()
    assert still.json()["result"]["tools"][0]["name"] == "costs"


async def test_calls_at_once_are_bounded_like_calls_of_models(tmp_path: Path) -> None:
    class Slow(Notebook):
        go_on, all_there = asyncio.Event(), asyncio.Event()

        async def run(self, call: ToolUse) -> ToolResult:
            self.asked.append(call)
            if len(self.asked) == 8:
                self.all_there.set()
            await self.go_on.wait()
            return ToolResult(tool_use_id=call.id, text="done")

    anns = Slow("anns")
    call = {**LIST, "method": "tools/call", "params": {"name": "costs", "arguments": {}}}
    async with gateway(tmp_path) as (place, doors), doors.opened("ann-1", anns):
        calls = [asyncio.create_task(posted(place, token("ann-1"), call)) for _ in range(8)]
        await asyncio.wait_for(anns.all_there.wait(), 60)
        ninth = await posted(place, token("ann-1"), call)
        anns.go_on.set()
        answers = await asyncio.gather(*calls)
    assert (ninth.status_code, {answer.status_code for answer in answers}) == (429, {200})
