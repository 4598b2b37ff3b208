"""What a long conversation costs in tokens: the agent loop against the scripted Messages API, with its cache."""

import asyncio
import time

from pydantic import SecretStr

from blocks.claude import Claude
from domain.conversations import Finished, ToolResult, ToolSpec, ToolUse
from domain.outcomes import Handover
from domain.prices import cost
from domain.roles import CallFacts, Role, RoleLimits
from tasks.agent import converse
from tests.bench.figures import Section
from tests.fakes.conversations import MemoryLedger, MemoryTranscripts
from tests.fakes.messages_api import Asked, Say, ScriptedMessagesAPI, text, use

TURNS = 50
MODEL = "claude-sonnet-5-5"
SYSTEM = "You build small web services, one careful step after the other. " * 60
LINE = "app/main.py:17: def suggest(title: str) -> Response:  # a line of what commands print\n"


class Shell:
    """A tool that prints 4 kB each time, another each time."""

    specs = (ToolSpec(name="bash", type="bash_20250124"),)

    async def run(self, call: ToolUse) -> ToolResult:
        return ToolResult(tool_use_id=call.id, text=f"{call.input['command']}\n" + LINE * 50)


def measure(turns: int = TURNS) -> Section:
    """Lead a conversation of `turns` answers, each but the last with one tool call."""
    return asyncio.run(_measured(turns))


async def _measured(turns: int) -> Section:
    role = Role(
        name="developer",
        system=SYSTEM,
        model=MODEL,
        output=Handover,
        hand_in="finish",
        tools=("bash",),
        limits=RoleLimits(steps=turns + 1, seconds=600.0),
    )

    def script(asked: Asked) -> Say:
        if asked.turn == turns - 1:
            return Say([use("finish", summary="It is done.")])
        return Say([text("The next step."), use("bash", command=f"sed -n {asked.turn}p app/main.py")], output_tokens=300)

    with ScriptedMessagesAPI(script) as api:
        began = time.monotonic()
        end = await converse(
            role,
            "Build a page for a book club. " * 40,
            facts=CallFacts(project="bench", run="r-bench00", conversation="r-bench00/developer"),
            model=Claude(api_key=SecretStr("test-key"), base_url=api.url),
            tools=Shell(),
            transcripts=MemoryTranscripts(),
            ledger=MemoryLedger(),
            clock=time.monotonic,
        )
        seconds = time.monotonic() - began
        assert isinstance(end, Finished), end
        assert not api.problems, api.problems
        return _section(api.requests, seconds)


def _section(requests: list[Asked], seconds: float) -> Section:
    section = Section(name="agent", title=f"The agent loop, one conversation of {len(requests)} turns")
    used = [request.usage for request in requests]
    fresh, read, written = (sum(getattr(usage, kind) for usage in used) for kind in ("input", "cache_read", "cache_write"))
    output, sent = sum(usage.output for usage in used), fresh + read + written
    paid = sum(cost(MODEL, usage) or 0 for usage in used) / 1e6
    uncached = sum(cost(MODEL, usage.model_copy(update=_uncached(usage))) or 0 for usage in used) / 1e6
    section.add("input tokens sent", "", sent)
    section.add("of these read from the cache", "", read, note=f"{read / sent:.1%}")
    section.add("of these written to the cache", "", written)
    section.add("of these fresh", "", fresh)
    section.add("output tokens", "", output)
    section.add("cost", "USD", paid, note=f"{uncached:.2f} USD were nothing cached")
    section.add("our own time a turn", "ms", seconds / len(requests) * 1000, note="loop, HTTP, the scripted server")
    section.notes.append("The scripted server counts 4 characters as a token and looks back 20 blocks, as the real cache does.")
    return section


def _uncached(usage: object) -> dict[str, int]:
    whole = sum(getattr(usage, kind) for kind in ("input", "cache_read", "cache_write"))
    return {"input": whole, "cache_read": 0, "cache_write": 0}
