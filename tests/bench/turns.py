"""A turn of the dialogue by each engine: from what a person wrote to the reply, with one call of a tool, an instant model."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from pydantic import SecretStr

from blocks.mcp_doors import McpDoors
from blocks.process_engine.block import ProcessEngine
from deployments.base_image import Extras, ensure_images
from deployments.gateway.upstream import Upstream
from domain.cli_agents import Arrangement
from tasks.cli.claude_code import PROGRAM
from tasks.led_by_cli import CliDesk
from tests.bench.figures import Section
from tests.deployments.gateway_bench import KEY, REAL_KEY, opened
from tests.deployments.test_claude_code import docker_shop
from tests.fakes.messages_api import Answer, Asked, Say, ScriptedMessagesAPI, use
from tests.fakes.services import MemoryWakeups
from tests.tasks.talk_desk import TalkDesk, reply


def measure(rounds: int, engine: str) -> Section:
    """Measure turns by our loop, and by Claude Code in a worker of the engine; the first one of each is left out."""
    return asyncio.run(_measure(rounds, engine or "docker"))


async def _measure(rounds: int, engine: str) -> Section:
    section = Section(name="turns", title=f"a turn of the dialogue ({engine})")
    bundle = os.environ.get("SSL_CERT_FILE")
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as name, ScriptedMessagesAPI(_answer, key=REAL_KEY) as api:
        async with _desk(Path(name), engine, api, Path(bundle) if bundle else None) as desk:
            cli, desk.cli = desk.cli, None
            for way, by in (("our loop", None), ("Claude Code", cli)):
                desk.cli = by
                seconds = [await _seconds(desk) for _ in range(rounds + 1)][1:]
                section.add(f"{way}, from message to reply, p50", "s", median(seconds), note=f"slowest {max(seconds):.2f} s")
    return section


async def _seconds(desk: TalkDesk) -> float:
    began = time.monotonic()
    await desk.talk("what do I have?")
    return time.monotonic() - began


def _answer(asked: Asked) -> Answer:
    by_cli = any(tool["name"] == "StructuredOutput" for tool in asked.body["tools"])
    if "tool_result" not in [block["type"] for block in asked.last_blocks] or "accepted" in str(asked.last_blocks):
        return Say([use("mcp__slipway__list_projects" if by_cli else "list_projects")])
    return Say([use("StructuredOutput", text="One.", questions=[]) if by_cli else reply("One.")])


@asynccontextmanager
async def _desk(home: Path, engine: str, api: ScriptedMessagesAPI, bundle: Path | None) -> AsyncIterator[TalkDesk]:
    """Yield a desk whose CLI works in the engine's workers, behind a gateway before the played model."""
    arrangement = Arrangement(engine="claude-code")
    if engine == "docker":
        images = await ensure_images(None, bundle, print, extras=Extras((PROGRAM,)))
        async with docker_shop(home, images, api) as made:
            desk = TalkDesk(made.place.registry, api.url)
            desk.cli = CliDesk(arrangement, made.engine, MemoryWakeups(), McpDoors(home))
            yield desk
        return
    async with opened(home, Upstream(REAL_KEY, api.url)) as place:
        processes = ProcessEngine(
            installation="bench", folder=str(home / "engine"), gateway_port=int(place.url.rpartition(":")[2]),
            gateway_key=SecretStr(KEY), ca_bundle=str(bundle) if bundle else None,
        )  # fmt: skip
        desk = TalkDesk(place.registry, api.url)
        desk.cli = CliDesk(arrangement, processes, MemoryWakeups(), McpDoors(home))
        yield desk
